import Operations
import Testing

@Suite struct HTTPTests {}

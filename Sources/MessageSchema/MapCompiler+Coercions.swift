import InventoryCore

/// What a mapping asks to be made of a value.
extension MapCompiler {
    mutating func coercion(_ tree: MapTree, _ key: String) -> MapCoercion? {
        switch tree.value {
        case .text(let name):
            if let coercion = outputScope == nil ? MapCoercion(name: name) : MapCoercion(ofOutput: name) {
                return coercion
            }
            let names = outputScope == nil ? MapCoercion.names : MapCoercion.namesOfOutputs
            // `integer` means `string-integer`, however many letters are between them.
            let alike = names.filter { name.utf8.count > 3 && $0.contains(name) }
            let near = nearestWord(name, among: alike.isEmpty ? names + ["times"] : alike)
            fail(
                tree.place, key, "\(quoted(name)) is not known",
                "did you mean \(near == "times" ? "{times: 12}" : near)?")
            return nil
        case .map(let pairs) where pairs.count == 1:
            guard let first = pairs.first else { return nil }
            switch (first.key, first.value.value) {
            case ("times", .number(let digits)):
                if let factor = Int64(digits), factor != 0, factor.magnitude <= 1_000_000_000 { return .times(factor) }
                fail(first.value.place, key, "\(digits) is no factor", "give a whole number, not 0")
                return nil
            case ("divide", .number(let digits)) where outputScope == nil:
                if let divisor = Int64(digits), divisor > 1, divisor <= 1_000_000_000 { return .dividedBy(divisor) }
                fail(first.value.place, key, "\(digits) is nothing to divide by", "give a whole number above 1")
                return nil
            case ("before", _), ("after", _), ("remove", _):
                guard case .text(let mark) = first.value.value, !mark.isEmpty, mark.utf8.count <= 64 else {
                    fail(
                        first.value.place, key, "\(first.value.described) is no text to look for",
                        "write 1 to 64 bytes in quotes: {\(first.key): \" \"}")
                    return nil
                }
                let range = parts.bytes(mark)
                return first.key == "before" ? .before(range) : first.key == "after" ? .after(range) : .without(range)
            case ("local-time", _):
                guard let local = localTime(first.value, key) else { return nil }
                parts.localTimes.append(local)
                let index = Int32(parts.localTimes.count - 1)
                return outputScope == nil ? .localTime(index) : .inZone(index)
            default: break
            }
        default: break
        }
        fail(
            tree.place, key, "\(tree.described) is not known",
            "write one of \((outputScope == nil ? MapCoercion.names : MapCoercion.namesOfOutputs).joined(separator: ", ")), {times: 12},\(outputScope == nil ? " {divide: 100}," : "") {before: \" \"}, {after: \":\"}, {remove: \".\"}"
        )
        return nil
    }

    private mutating func localTime(_ tree: MapTree, _ key: String) -> LocalTime? {
        var zone: String?
        var pattern: (text: String, place: MapPlace?)?
        switch tree.value {
        case .text(let text): zone = text
        case .map(let pairs):
            for (name, place, value) in pairs {
                switch name {
                case "zone": zone = value.scalarText
                case "format": pattern = (value.scalarText ?? "", value.place)
                default:
                    fail(
                        place, "\(key).local-time.\(name)", "unknown key",
                        "did you mean \(nearestWord(name, among: ["zone", "format"]))?")
                    return nil
                }
            }
        default: break
        }
        let format = pattern.flatMap { LocalTime.Format($0.text) }
        guard let offset = zone.map(LocalTime.offset) ?? (format?.hasZone == true ? 0 : nil) else {
            fail(
                tree.place, "\(key).local-time", "\(quoted(zone ?? "")) is no zone",
                "write UTC, or an offset in quotes: \"+01:00\"")
            return nil
        }
        guard let pattern else { return LocalTime(offset: offset) }
        guard let format else {
            fail(
                pattern.place, "\(key).local-time.format", "\(quoted(pattern.text)) is no form of a date",
                "write it with YYYY, MM, DD, hh, mm and ss, each once: \"DD.MM.YYYY hh:mm\"")
            return nil
        }
        return LocalTime(offset: offset, format: format)
    }

    mutating func check(_ coercion: MapCoercion, fits kind: Field.Kind, _ place: MapPlace?, _ key: String) {
        let needed: String
        switch (kind, coercion.result) {
        case (_, .same), (.anything, _), (.object, _), (.list, _), (.messageType, .text), (.uuid, _), (.whole, .number),
            (.number, .number),
            (.time, .time), (.time, .text), (.identifier, .text), (.text, .text), (.choice, .text), (.text, .time),
            (.identifier, .time):
            return
        case (.whole, _): needed = "a whole number"
        case (.number, _): needed = "a number"
        case (.time, _): needed = "a time"
        default: needed = "text"
        }
        fail(place, "\(key).as", "\(coercion.name) does not give \(needed)", "leave it out, or end with one that does")
    }
}

extension MapCoercion {
    /// One that takes nothing more than its name.
    init?(name: String) {
        switch name {
        case "string-integer": self = .stringInteger
        case "string-number": self = .stringNumber
        case "decimal-comma": self = .decimalComma
        case "text": self = .text
        case "unix-seconds": self = .unixSeconds
        case "unix-milliseconds": self = .unixMilliseconds
        case "unix-microseconds": self = .unixMicroseconds
        case "unix-nanoseconds": self = .unixNanoseconds
        case "unix-days": self = .unixDays
        case "local-time": self = .localTime(0)
        case "trim": self = .trim
        case "upper": self = .upper
        case "lower": self = .lower
        case "blank-null": self = .blankNull
        case "absolute": self = .absolute
        default: return nil
        }
    }
}

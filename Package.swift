// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]
/// For the modules that hold C pointers: every unsafe use is marked.
let strictMemory: [SwiftSetting] = strict + [.strictMemorySafety()]

// The import table of the house (docs/architecture.md); Tests/TidyTests hold the sources to it.
let package = Package(
    name: "backorderd",
    products: [
        .executable(name: "backorderd", targets: ["backorderd"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CRabbitMQ", path: "Sources/CRabbitMQ", pkgConfig: "librabbitmq",
            providers: [.apt(["librabbitmq-dev"])]),
        .systemLibrary(
            name: "CLibPQ", path: "Sources/CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(
            name: "CSQLiteSetup", path: "Sources/CSQLiteSetup", pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"])]),
        .target(name: "InventoryCore", swiftSettings: strict),
        .target(
            name: "MessageSchema",
            dependencies: ["InventoryCore", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),
        .target(name: "BackOrderStore", dependencies: ["InventoryCore"], swiftSettings: strict),
        .target(
            name: "SQLiteStore",
            dependencies: [
                "InventoryCore", "BackOrderStore", "CSQLiteSetup", .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .target(
            name: "PostgresStore", dependencies: ["InventoryCore", "BackOrderStore", "CLibPQ"],
            swiftSettings: strictMemory),
        .target(name: "AMQPClient", dependencies: ["CRabbitMQ"], swiftSettings: strictMemory),
        .target(
            name: "Worker",
            dependencies: [
                "InventoryCore", "MessageSchema", "BackOrderStore", .product(name: "Logging", package: "swift-log"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: strict),
        .target(
            name: "TraceExport",
            dependencies: [
                "Worker", .product(name: "Logging", package: "swift-log"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: strict),
        .target(
            name: "Operations",
            dependencies: [
                "InventoryCore", "MessageSchema", "BackOrderStore", "Worker",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "Configuration", dependencies: ["InventoryCore", .product(name: "Yams", package: "Yams")],
            swiftSettings: strict),
        .target(
            name: "Daemon",
            dependencies: [
                "InventoryCore", "MessageSchema", "BackOrderStore", "SQLiteStore", "PostgresStore", "AMQPClient",
                "Worker", "TraceExport",
                "Configuration", "Operations",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "backorderd",
            dependencies: ["Daemon", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: strict),
        .target(
            name: "Simulation",
            dependencies: [
                "InventoryCore", "MessageSchema", "BackOrderStore", "SQLiteStore", "Worker",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "backorderd-sim",
            dependencies: ["Simulation", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: strict),
        .target(
            name: "TestSupport", dependencies: ["InventoryCore", "BackOrderStore"],
            swiftSettings: strict),

        .testTarget(
            name: "InventoryCoreTests", dependencies: ["InventoryCore", "BackOrderStore", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "MessageSchemaTests", dependencies: ["InventoryCore", "MessageSchema"], swiftSettings: strict),
        .testTarget(
            name: "BackOrderStoreTests", dependencies: ["InventoryCore", "BackOrderStore", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "SQLiteStoreTests",
            dependencies: [
                "InventoryCore", "BackOrderStore", "SQLiteStore", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "PostgresStoreTests",
            dependencies: [
                "InventoryCore", "MessageSchema", "BackOrderStore", "PostgresStore", "Worker", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(name: "AMQPClientTests", dependencies: ["AMQPClient"], swiftSettings: strict),
        .testTarget(name: "AMQPClientLiveTests", dependencies: ["AMQPClient"], swiftSettings: strict),
        .testTarget(
            name: "WorkerTests",
            dependencies: [
                "InventoryCore", "MessageSchema", "BackOrderStore", "Worker", "TestSupport",
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "TraceExportTests",
            dependencies: ["TraceExport", .product(name: "Tracing", package: "swift-distributed-tracing")],
            swiftSettings: strict),
        .testTarget(
            name: "ConfigurationTests", dependencies: ["InventoryCore", "Configuration"], swiftSettings: strict),
        .testTarget(
            name: "ScenarioTests",
            dependencies: [
                "InventoryCore", "MessageSchema", "BackOrderStore", "SQLiteStore", "PostgresStore", "Worker",
                "Configuration",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "OperationsTests",
            dependencies: ["InventoryCore", "MessageSchema", "BackOrderStore", "Worker", "Operations", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "InventoryCore", "MessageSchema", "BackOrderStore", "SQLiteStore", "Worker", "Simulation",
                "backorderd-sim",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "MappingTests",
            dependencies: [
                "AMQPClient", "InventoryCore", "MessageSchema", "BackOrderStore", "Worker", "Configuration", "Daemon",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ShadowTests",
            dependencies: ["InventoryCore", "MessageSchema", "AMQPClient", "Configuration", "Daemon"],
            swiftSettings: strict),
        .testTarget(name: "TidyTests", swiftSettings: strict),
    ]
)

import InventoryCore
import MessageSchema

/// A message that a producer sends, with all that the checkers know of it beforehand.
struct SimMessage {
    /// Counts the messages that producers made; copies share it.
    var number: Int
    var queue: String
    var envelope: Envelope
    var body: [UInt8]
    /// Stands for the AMQP properties.
    var properties: [UInt8]
    var knowledge: Knowledge
    /// Whoever reads it dies.
    var kills = false
}

/// What the maker of a message knows: enough to say what it must lead to, without asking the program.
struct Knowledge {
    /// The `id`, or what stands in for it.
    var id: String
    /// Type and business key; nil for types without one.
    var fact: String?
    /// The same number, the same content.
    var content: Int
    /// The dead letter's reason, if no reader can use it.
    var unusable: String?
    /// It names a line that its order does not have.
    var namesUnknownLine = false
    /// The message's `time`; nil: it has none, the arrival counts.
    var time: Instant?
    var deed: Deed
}

/// What a message says happened.
enum Deed {
    case placed(SimOrder)
    case received(location: LocationID, lines: [SKUQuantity], receivedAt: Instant?)
    case shipped(SimShipment)
    case cancelled(OrderID)
    case released(OrderID)
    case adjusted(location: LocationID, lines: [StockAdjusted.Line])
    case item(SKU, ItemSettings)
    case inbound
    case nothing

    /// The order it needs to be known.
    var orderID: OrderID? {
        switch self {
        case .shipped(let shipment): shipment.orderID
        case .cancelled(let orderID), .released(let orderID): orderID
        case .placed, .received, .adjusted, .item, .inbound, .nothing: nil
        }
    }
}

struct SimOrder {
    struct Line {
        var lineID: LineID
        var sku: SKU
        var quantity: Units
        var pin: LocationID?
    }

    var orderID: OrderID
    var lines: [Line]
    /// nil: the message's time.
    var placedAt: Instant?
}

struct SimShipment {
    var orderID: OrderID
    var location: LocationID?
    /// By SKU, also where the message names line ids.
    var lines: [SKUQuantity]
    /// nil: the message's time.
    var dispatchedAt: Instant?
}

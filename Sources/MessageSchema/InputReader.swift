import InventoryCore

/// Reads the content of each type of message. One function for each row of the contract's table.
struct InputReader {
    let reader: ObjectReader
    /// The message's time: the default of the times in it.
    let time: Instant
    let linesMax: Int

    func input(_ type: InputType) throws(Rejection) -> Input {
        switch type {
        case .orderPlaced: .orderPlaced(try orderPlaced())
        case .stockReceived: .stockReceived(try stockReceived())
        case .shipmentDispatched: .shipmentDispatched(try shipmentDispatched())
        case .orderCancelled: .orderCancelled(try orderCancelled())
        case .orderReleased: .orderReleased(try orderReleased())
        case .stockAdjusted: .stockAdjusted(try stockAdjusted())
        case .inboundScheduled: .inboundScheduled(try inboundScheduled())
        case .inboundCancelled: .inboundCancelled(try inboundCancelled())
        case .itemUpdated: .itemUpdated(try itemUpdated())
        }
    }

    // MARK: Orders

    private func orderPlaced() throws(Rejection) -> OrderPlaced {
        let orderID = try reader.requiredIdentifier("order_id")
        var anyNamed = false
        let lines = try reader.requiredLines(max: linesMax) { (line, index) throws(Rejection) -> OrderPlaced.Line in
            let sku = try line.requiredIdentifier("sku")
            let quantity = try line.quantity()
            let lineID = try line.identifier("line_id")
            if lineID != nil { anyNamed = true }
            return OrderPlaced.Line(
                lineID: lineID ?? LineID(String(index + 1)), sku: sku, quantity: quantity,
                location: try line.identifier("location"), unitPrice: try line.number("unit_price"))
        }
        if anyNamed { try refuseSharedLineIDs(lines) }
        return OrderPlaced(
            orderID: orderID, lines: lines, placedAt: try reader.time("placed_at") ?? time, customer: try customer(),
            priority: try reader.whole("priority", 0...9).map { Int($0) },
            requestedBy: try reader.time("requested_by"), ship: try reader.choice("ship", ShipMode.self),
            currency: try reader.text("currency"))
    }

    private func customer() throws(Rejection) -> Customer? {
        guard let customer = try reader.member("customer") else { return nil }
        return Customer(
            json: customer.document.compact(customer.object), segment: try customer.text("segment"))
    }

    private func refuseSharedLineIDs(_ lines: [OrderPlaced.Line]) throws(Rejection) {
        var known: Set<LineID> = []
        let isLong = lines.count > 8
        for index in lines.indices {
            let lineID = lines[index].lineID
            let isShared = isLong ? !known.insert(lineID).inserted : lines[..<index].contains { $0.lineID == lineID }
            if isShared {
                throw Rejection(.invalid, "lines[\(index)].line_id: \(quoted(lineID.text)) is used twice")
            }
        }
    }

    private func orderCancelled() throws(Rejection) -> OrderCancelled {
        OrderCancelled(
            orderID: try reader.requiredIdentifier("order_id"),
            lines: try reader.lines(max: linesMax) { (line, _) throws(Rejection) -> LineQuantity in
                // Without a quantity: all that can be cancelled of it. The core takes no more than there is.
                let quantity = try line.whole("quantity", 1...1_000_000_000)
                return LineQuantity(try selector(line), quantity: quantity ?? 1_000_000_000_000)
            },
            reason: try reader.text("reason"))
    }

    private func orderReleased() throws(Rejection) -> OrderReleased {
        OrderReleased(
            orderID: try reader.requiredIdentifier("order_id"),
            decision: try reader.choice("decision", OrderReleased.Decision.self) ?? .wait)
    }

    // MARK: Stock and shipments

    private func stockReceived() throws(Rejection) -> StockReceived {
        StockReceived(
            receiptID: try reader.requiredIdentifier("receipt_id"),
            location: try reader.requiredIdentifier("location"), lines: try skuQuantities(),
            supplier: try reader.identifier("supplier"), reorderID: try reader.identifier("reorder_id"),
            inboundID: try reader.identifier("inbound_id"), receivedAt: try reader.time("received_at") ?? time)
    }

    private func skuQuantities() throws(Rejection) -> [SKUQuantity] {
        try reader.requiredLines(max: linesMax) { (line, _) throws(Rejection) -> SKUQuantity in
            SKUQuantity(sku: try line.requiredIdentifier("sku"), quantity: try line.quantity())
        }
    }

    private func shipmentDispatched() throws(Rejection) -> ShipmentDispatched {
        ShipmentDispatched(
            shipmentID: try reader.requiredIdentifier("shipment_id"),
            orderID: try reader.requiredIdentifier("order_id"),
            lines: try reader.requiredLines(max: linesMax) { (line, _) throws(Rejection) -> LineQuantity in
                LineQuantity(try selector(line), quantity: try line.quantity())
            },
            location: try reader.identifier("location"), carrier: try reader.text("carrier"),
            service: try reader.text("service"), trackingNumber: try reader.text("tracking_number"),
            trackingURL: try reader.text("tracking_url", bytesMax: ObjectReader.addressBytesMax),
            dispatchedAt: try reader.time("dispatched_at") ?? time,
            estimatedDelivery: try reader.time("estimated_delivery"))
    }

    /// `line_id` names one line and wins; `sku` names all lines of that SKU.
    private func selector(_ line: ObjectReader) throws(Rejection) -> LineSelector {
        let lineID = try line.identifier("line_id")
        let sku = try line.identifier("sku")
        if let lineID { return .line(lineID) }
        if let sku { return .sku(sku) }
        throw line.invalid("has neither line_id nor sku")
    }

    private func stockAdjusted() throws(Rejection) -> StockAdjusted {
        StockAdjusted(
            adjustmentID: try reader.requiredIdentifier("adjustment_id"),
            location: try reader.requiredIdentifier("location"),
            lines: try reader.requiredLines(max: linesMax) { (line, _) throws(Rejection) -> StockAdjusted.Line in
                StockAdjusted.Line(sku: try line.requiredIdentifier("sku"), change: try change(line))
            },
            reason: try reader.text("reason"))
    }

    private func change(_ line: ObjectReader) throws(Rejection) -> StockAdjusted.Change {
        let delta = try line.whole("delta", -1_000_000_000...1_000_000_000)
        let counted = try line.whole("counted", 0...1_000_000_000)
        if delta != nil, counted != nil { throw line.invalid("has both delta and counted, one is needed") }
        if let counted { return .counted(counted) }
        guard let delta else { throw line.invalid("has neither delta nor counted") }
        if delta == 0 { throw line.invalid("delta", "must not be 0") }
        return .delta(delta)
    }

    // MARK: Supply and items

    private func inboundScheduled() throws(Rejection) -> InboundScheduled {
        InboundScheduled(
            inboundID: try reader.requiredIdentifier("inbound_id"),
            location: try reader.requiredIdentifier("location"), expectedAt: try reader.requiredTime("expected_at"),
            lines: try skuQuantities(), supplier: try reader.identifier("supplier"),
            reorderID: try reader.identifier("reorder_id"), carrier: try reader.text("carrier"),
            trackingNumber: try reader.text("tracking_number"))
    }

    private func inboundCancelled() throws(Rejection) -> InboundCancelled {
        InboundCancelled(
            inboundID: try reader.requiredIdentifier("inbound_id"), reason: try reader.text("reason"))
    }

    /// The bounds are those of the configuration's `items`.
    private func itemUpdated() throws(Rejection) -> ItemUpdated {
        let sku = try reader.requiredIdentifier("sku")
        var settings = ItemSettings()
        settings.supplier = try reader.identifier("supplier")
        settings.leadTimeDays = try reader.whole("lead_time_days", 0...36_500)
        if let reorder = try reader.member("reorder") {
            settings.reorder = ReorderSettings(
                point: try reorder.whole("point", 0...1_000_000_000),
                upTo: try reorder.whole("up_to", 0...1_000_000_000),
                minimum: try reorder.whole("minimum", 0...1_000_000_000),
                multiple: try reorder.whole("multiple", 1...1_000_000_000))
        }
        settings.onBackorder = try reader.choice("on_backorder", OnBackorder.self)
        settings.backorderLimit = try backorderLimit()
        settings.ship = try reader.choice("ship", ShipMode.self)
        return ItemUpdated(sku: sku, settings: settings)
    }

    /// The one key of which `null` says something: there is no limit, as in the configuration.
    private func backorderLimit() throws(Rejection) -> BackorderLimit? {
        let key: StaticString = "backorder_limit"
        guard let index = reader.document.member(key, of: reader.object) else { return nil }
        if reader.document[index].kind == .null { return BackorderLimit.none }
        return try reader.whole(key, 0...1_000_000_000_000).map(BackorderLimit.units)
    }
}

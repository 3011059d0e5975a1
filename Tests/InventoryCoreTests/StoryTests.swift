import BackOrderStore
import InventoryCore
import TestSupport
import Testing

/// The decisions as tables that a warehouse manager could read. The language is described at `Story`.
@Suite struct PlacingTables {
    @Test func takesWhatIsThereAndWaitsForTheRest() throws {
        try expect(
            """
            receive R1 WH-1: A 5              => -
            place O1: A 3                     => O1 confirmed A 3; O1 ship WH-1 A 3
            place O2: A 4                     => O2 back-ordered A 2; O2 ship WH-1 A 2; reorder A 2
            stock A                           => WH-1 5/5; waiting 2; on order 2
            place O3: A 1                     => O3 back-ordered A 1; reorder A 1
            receive R2 WH-1: A 3              => O2 filled A 2; O2 ship WH-1 A 2; O3 filled A 1; O3 ship WH-1 A 1
            stock A                           => WH-1 8/8; waiting 0; on order 0
            order O2                          => allocated: A 4 = WH-1 4
            """)
    }

    @Test func prefersOneLocationForTheWholeLine() throws {
        try expect(
            """
            receive R1 WH-1: A 2              => -
            receive R2 WH-2: A 9              => -
            place O1: A 3                     => O1 confirmed A 3; O1 ship WH-2 A 3
            place O2: A 8                     => O2 confirmed A 8; O2 ship WH-1 A 2; O2 ship WH-2 A 6
            receive R3 ZZ: A 5                => -
            receive R4 AA: A 1                => -
            place O3: A 5                     => O3 confirmed A 5; O3 ship ZZ A 5
            place O4: A 1                     => O4 confirmed A 1; O4 ship AA A 1
            """)
    }

    @Test func aPinIsKept() throws {
        try expect(
            """
            receive R1 WH-1: A 9              => -
            place O1: A 3@WH-2                => O1 back-ordered A 3
            stock A                           => WH-1 9/0; waiting 3; on order 0
            receive R2 WH-2: A 2              => O1 filled A 2; O1 ship WH-2 A 2
            place O2: A 1                     => O2 confirmed A 1; O2 ship WH-1 A 1
            """)
    }

    @Test func fewestShipmentsTakesAllFromOnePlace() throws {
        try expect(
            """
            receive R1 WH-1: A 5              => -
            receive R2 WH-2: A 5, B 5         => -
            place O1: A 2, B 2                => O1 confirmed A 2, B 2; O1 ship WH-2 A 2, B 2
            place O2: A 4, B 1                => O2 confirmed A 4, B 1; O2 ship WH-1 A 4; O2 ship WH-2 B 1
            """, Rulebook(sourcing: .fewestShipments))
    }

    @Test func policyHoldsRefusesAndLimits() throws {
        let rules = Rulebook(rules: [
            PolicyRule(sku: Pattern("PRE-*"), settings: PolicySettings(onBackorder: .hold)),
            PolicyRule(sku: Pattern("NO-?"), settings: PolicySettings(onBackorder: .refuse)),
            PolicyRule(sku: Pattern("LIM"), settings: PolicySettings(backorderLimit: .units(5))),
        ])
        try expect(
            """
            receive R1 WH-1: A 5, NO-1 1      => -
            place O1: A 2, PRE-1 1            => O1 held A 2, PRE-1 1
            stock A                           => WH-1 5/0; waiting 0; on order 0
            place O2: A 2, NO-1 3             => O2 refused NO-1 2; O2 confirmed A 2, NO-1 1; O2 ship WH-1 A 2, NO-1 1
            place O3: NO-1 1                  => O3 refused NO-1 1
            place O4: LIM 3                   => O4 back-ordered LIM 3; reorder LIM 3
            place O5: LIM 3                   => O5 refused LIM 1; O5 back-ordered LIM 2; reorder LIM 2
            receive R2 WH-1: PRE-1 1          => O1 filled A 2, PRE-1 1; O1 ship WH-1 A 2, PRE-1 1
            order O1                          => allocated: A 2 = WH-1 2; PRE-1 1 = WH-1 1
            """, rules)
    }

    @Test func completeOrdersAreToldWhenReady() throws {
        try expect(
            """
            receive R1 WH-1: A 5              => -
            place O1: A 2, B 1 complete       => O1 back-ordered B 1; reorder B 1
            stock A                           => WH-1 5/2; waiting 0; on order 0
            receive R2 WH-1: B 1              => O1 filled A 2, B 1; O1 ship WH-1 A 2, B 1
            place O2: A 1, B 1 complete       => O2 back-ordered B 1; reorder B 1
            cancel O2: B 1                    => O2 cancelled B 1; O2 filled A 1; O2 ship WH-1 A 1
            """)
    }

    @Test func whoGoesFirst() throws {
        try expect(
            """
            place O1: A 2 placed 5            => O1 back-ordered A 2; reorder A 2
            place O2: A 2 placed 3            => O2 back-ordered A 2; reorder A 2
            place O3: A 2 placed 9 p 9        => O3 back-ordered A 2; reorder A 2
            place O0: A 2 placed 5            => O0 back-ordered A 2; reorder A 2
            waiting A                         => O3 2, O2 2, O0 2, O1 2
            receive R1 WH-1: A 5              => O3 filled A 2; O3 ship WH-1 A 2; O2 filled A 2; O2 ship WH-1 A 2; O0 filled A 1; O0 ship WH-1 A 1
            waiting A                         => O0 1, O1 2
            """)
        try expect(
            """
            place O1: A 2 by 9                => O1 back-ordered A 2; reorder A 2
            place O2: A 2                     => O2 back-ordered A 2; reorder A 2
            place O3: A 2 by 4                => O3 back-ordered A 2; reorder A 2
            receive R1 WH-1: A 4              => O3 filled A 2; O3 ship WH-1 A 2; O1 filled A 2; O1 ship WH-1 A 2
            """, Rulebook(strategy: .dueDate))
        try expect(
            """
            place O1: A 3, B 4                => O1 back-ordered A 3, B 4; reorder A 3; reorder B 4
            place O2: A 5                     => O2 back-ordered A 5; reorder A 5
            receive R1 WH-1: A 4              => O2 filled A 4; O2 ship WH-1 A 4
            receive R2 WH-1: B 4              => O1 filled B 4; O1 ship WH-1 B 4
            place O3: A 2                     => O3 back-ordered A 2; reorder A 2
            receive R3 WH-1: A 3              => O2 filled A 1; O2 ship WH-1 A 1; O3 filled A 2; O3 ship WH-1 A 2
            """, Rulebook(strategy: .smallestFirst))
        try expect(
            """
            place O1: A 6                     => O1 back-ordered A 6; reorder A 6
            place O2: A 3                     => O2 back-ordered A 3; reorder A 3
            place O3: A 1                     => O3 back-ordered A 1; reorder A 1
            receive R1 WH-1: A 5              => O1 filled A 3; O1 ship WH-1 A 3; O2 filled A 2; O2 ship WH-1 A 2
            """, Rulebook(strategy: .fairShare))
    }
}

@Suite struct DispatchingTables {
    @Test func theTruckIsRight() throws {
        try expect(
            """
            receive R1 WH-1: A 5              => -
            place O1: A 3                     => O1 confirmed A 3; O1 ship WH-1 A 3
            place O2: A 2                     => O2 confirmed A 2; O2 ship WH-1 A 2
            ship S1 O1 WH-1: A 3              => O1 dispatched A 3
            stock A                           => WH-1 2/2; waiting 0; on order 0
            order O1                          => dispatched: A 3 = dispatched 3
            ship S2 O1 WH-1: A 1              => O1 dispatched A 1; O2 withdraw WH-1 A 1; O2 delayed A 1; reorder A 1
            stock A                           => WH-1 1/1; waiting 1; on order 1
            """)
    }

    @Test func shipmentBeforeReceiptEndsTheSame() throws {
        let inOrder = """
            place O1: A 3                     => O1 back-ordered A 3; reorder A 3
            @2 receive R1 WH-1: A 5           => O1 filled A 3; O1 ship WH-1 A 3
            @3 ship S1 O1 WH-1: A 3           => O1 dispatched A 3
            stock A                           => WH-1 2/0; waiting 0; on order 0
            """
        let shipmentFirst = """
            place O1: A 3                     => O1 back-ordered A 3; reorder A 3
            @3 ship S1 O1 WH-1: A 3           => O1 dispatched A 3
            @4 receive R1 WH-1 day 2: A 5     => -
            stock A                           => WH-1 2/0; waiting 0; on order 0
            """
        let laterReceipt = """
            place O1: A 3                     => O1 back-ordered A 3; reorder A 3
            @3 ship S1 O1 WH-1: A 3           => O1 dispatched A 3
            @4 receive R1 WH-1 day 4: A 5     => -
            stock A                           => WH-1 5/0; waiting 0; on order 0
            """
        try expect(inOrder)
        try expect(shipmentFirst)
        try expect(laterReceipt)
    }

    @Test func beforeItsOrder() throws {
        try expect(
            """
            receive R1 WH-1: A 5, B 5         => -
            ship S1 O1 WH-1: A 2              => parked
            cancel O1: B 1                    => parked
            place O1: A 2, B 3                => O1 dispatched A 2; O1 cancelled B 1; O1 confirmed B 2; O1 ship WH-1 B 2
            order O1                          => partly-dispatched: A 2 = dispatched 2; B 3 = WH-1 2 + cancelled 1
            ship S2 O2 WH-1: A 3              => parked
            place O2: A 3                     => O2 dispatched A 3
            stock A                           => WH-1 0/0; waiting 0; on order 0
            ship S3 O3 WH-1: C 3              => parked
            place O3: A 1                     => O3 back-ordered A 1; reorder A 1; dead m7
            """)
    }

    @Test func unknownLineIsRejectedWithoutEffect() throws {
        try expect(
            """
            receive R1 WH-1: A 5              => -
            place O1: A 3                     => O1 confirmed A 3; O1 ship WH-1 A 3
            ship S1 O1 WH-1: A 1, B 1         => rejected invalid
            ship S2 O1 WH-1: #9 1             => rejected invalid
            stock A                           => WH-1 5/3; waiting 0; on order 0
            """)
    }

    @Test func paysFromElsewhereAndFreesIt() throws {
        try expect(
            """
            receive R1 WH-2: A 3              => -
            place O1: A 3                     => O1 confirmed A 3; O1 ship WH-2 A 3
            place O2: A 2                     => O2 back-ordered A 2; reorder A 2
            ship S1 O1 WH-1: A 3              => O1 dispatched A 3; O2 filled A 2; O2 ship WH-2 A 2
            stock A                           => WH-1 0/0; WH-2 3/2; waiting 0; on order 2
            """)
    }
}

@Suite struct AdjustingTables {
    @Test func countBelowAllocatedTakesFromTheLast() throws {
        try expect(
            """
            receive R1 WH-1: A 6              => -
            place O1: A 3                     => O1 confirmed A 3; O1 ship WH-1 A 3
            place O2: A 3                     => O2 confirmed A 3; O2 ship WH-1 A 3
            adjust WH-1: A =4                 => O2 withdraw WH-1 A 2; O2 delayed A 2; reorder A 2
            receive R2 WH-2: A 1              => O2 filled A 1; O2 ship WH-2 A 1
            adjust WH-1: A +1                 => O2 filled A 1; O2 ship WH-1 A 1
            stock A                           => WH-1 5/5; WH-2 1/1; waiting 0; on order 2
            """)
    }

    @Test func releaseAndCancel() throws {
        let rules = Rulebook(policyDefault: PolicySettings(onBackorder: .hold))
        try expect(
            """
            place O1: A 3                     => O1 held A 3
            release O1                        => O1 back-ordered A 3; reorder A 3
            release O1                        => -
            place O2: A 3                     => O2 held A 3
            release O2 cancel                 => O2 cancelled A 3
            receive R1 WH-1: A 3              => O1 filled A 3; O1 ship WH-1 A 3
            place O3: A 2                     => O3 held A 2
            cancel O1                         => O1 cancelled A 3; O1 withdraw WH-1 A 3; O3 filled A 2; O3 ship WH-1 A 2
            """, rules)
    }
}

@Suite struct ReorderTables {
    @Test func pointUpToMinimumMultiple() throws {
        let rules = Rulebook(items: [
            ItemRule(
                pattern: Pattern("A*"),
                settings: ItemSettings(
                    leadTimeDays: 7, reorder: ReorderSettings(point: 10, upTo: 60, minimum: 12, multiple: 6)))
        ])
        try expect(
            """
            receive R1 WH-1: A 20             => -
            place O1: A 9                     => O1 confirmed A 9; O1 ship WH-1 A 9
            place O2: A 1                     => O2 confirmed A 1; O2 ship WH-1 A 1; reorder A 54
            place O3: A 30                    => O3 back-ordered A 20 day 8; O3 ship WH-1 A 10
            stock A                           => WH-1 20/20; waiting 20; on order 54
            receive R2 WH-1: A 60             => O3 filled A 20; O3 ship WH-1 A 20
            stock A                           => WH-1 80/40; waiting 0; on order 0
            """, rules)
    }

    @Test func inboundTakesOverAReorder() throws {
        try expect(
            """
            place O1: A 10                            => O1 back-ordered A 10; reorder A 10
            inbound I1 WH-1 day 5 for RO-A-0000001: A 6   => -
            stock A                                   => waiting 10; on order 10
            inbound I1 WH-1 day 9 for RO-A-0000001: A 8   => -
            stock A                                   => waiting 10; on order 10
            inbound-cancel I1                         => reorder A 8
            receive R1 WH-1 reorder RO-A-0000001: A 2 => O1 filled A 2; O1 ship WH-1 A 2
            stock A                                   => WH-1 2/2; waiting 8; on order 8
            """)
    }
}

private func expect(
    _ text: String, _ rules: Rulebook = Rulebook(),
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let mismatches = try Story(store: MemoryStore(), rules: rules).run(text)
    for mismatch in mismatches { Issue.record(Comment(rawValue: mismatch.description), sourceLocation: sourceLocation) }
}

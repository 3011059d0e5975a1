/// The candidate that looks most like `word`, however far away it is; the first of several that are equally near.
/// nil only where there are no candidates. Letter case and the choice between `-`, `_` and a space count little.
public func nearest(_ word: String, among candidates: some Sequence<String>) -> String? {
    var best: (candidate: String, distance: Int)?
    for candidate in candidates {
        let distance = wordDistance(word, candidate)
        if distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.candidate
}

/// Like `nearest`, but nil where nothing is near enough to be what the writer meant.
public func near(_ word: String, among candidates: some Sequence<String>) -> String? {
    guard let best = nearest(word, among: candidates), isNear(word, best) else { return nil }
    return best
}

func isNear(_ word: String, _ candidate: String) -> Bool {
    wordDistance(word, candidate) <= max(1, max(word.count, candidate.count) / 3)
        || (word.count >= 3 && candidate.hasPrefix(word))
}

/// Letters to add, drop, change or swap with their neighbour to make one word of the other; 1 for words that differ only
/// in letter case or separators.
func wordDistance(_ left: String, _ right: String) -> Int {
    if left == right { return 0 }
    let separators: Set<Character> = ["-", "_", " "]
    func folded(_ word: String) -> [Character] { word.prefix(200).lowercased().filter { !separators.contains($0) } }
    return max(1, editDistance(folded(left), folded(right)))
}

private func editDistance(_ left: [Character], _ right: [Character]) -> Int {
    if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
    var beforePrevious: [Int] = []
    var previous = Array(0...right.count)
    for row in 1...left.count {
        var current = [row]
        for column in 1...right.count {
            let isSame = left[row - 1] == right[column - 1]
            var cost = min(previous[column] + 1, current[column - 1] + 1, previous[column - 1] + (isSame ? 0 : 1))
            if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                cost = min(cost, beforePrevious[column - 2] + 1)
            }
            current.append(cost)
        }
        beforePrevious = previous
        previous = current
    }
    return previous[right.count]
}

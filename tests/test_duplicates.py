from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from alexnet.dataset.duplicates import Contents, find_duplicates

PICTURE = st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 3))  # content, split, label


@given(pictures=st.lists(PICTURE, max_size=40))
def test_counts_are_those_of_plain_comparison(pictures: list[tuple[int, int, int]]) -> None:
    contents = Contents()
    for number, (content, split, label) in enumerate(pictures):
        contents.add(bytes([content]) * 32, split, label, number)
    found = find_duplicates(contents, examples=100)

    seen: set[tuple[int, int]] = set()
    within = across = 0
    for content, split, _ in pictures:
        within += (content, split) in seen
        seen.add((content, split))
        across += any(other == content and earlier < split for other, earlier, _ in pictures)
    two = sum(
        len({label for other, _, label in pictures if other == content}) > 1 for content, _, _ in pictures
    )
    assert (found.within.count, found.across.count, found.two_labels.count) == (within, across, two)

    equal = {
        pair for pair in combinations(range(len(pictures)), 2) if pictures[pair[0]][0] == pictures[pair[1]][0]
    }
    for same, differs in ((found.within, None), (found.across, 1), (found.two_labels, 2)):
        assert bool(same.pairs) == bool(same.count)
        for one, other in same.pairs:
            assert (min(one, other), max(one, other)) in equal
            if differs:
                assert pictures[one][differs] != pictures[other][differs]

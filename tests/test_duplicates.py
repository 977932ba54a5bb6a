from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alexnet.dataset.examination.duplicates import equal_contents, repeats

PICTURE = st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 3))  # content, split, label


@given(pictures=st.lists(PICTURE, max_size=40))
def test_counts_are_those_of_plain_comparison(pictures: list[tuple[int, int, int]]) -> None:
    columns = np.array(pictures, np.int64).reshape(-1, 3)
    groups = equal_contents(np.stack([columns[:, 0], -columns[:, 0]], axis=1).astype(np.uint64))
    found = repeats(groups, splits=columns[:, 1], labels=columns[:, 2], examples=100)

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


@given(pictures=st.lists(PICTURE, max_size=40))
def test_without_those_set_aside_nothing_repeats(pictures: list[tuple[int, int, int]]) -> None:
    columns = np.array(pictures, np.int64).reshape(-1, 3)
    groups = equal_contents(np.stack([columns[:, 0], columns[:, 0]], axis=1).astype(np.uint64))
    found = repeats(groups, splits=columns[:, 1], labels=columns[:, 2])
    aside = {
        place for same in (found.within, found.across, found.two_labels) for place in same.set_aside.tolist()
    }
    left = [content for place, (content, _, _) in enumerate(pictures) if place not in aside]
    assert len(left) == len(set(left))
    # the picture of the latest split stays, unless nothing says what it shows
    for content in {content for content, _, _ in pictures}:
        labels = {label for other, _, label in pictures if other == content}
        assert (content in left) == (len(labels) == 1)

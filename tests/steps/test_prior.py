"""What sets picked papers apart: learned, explained, and off where there is too little."""

from newsletter.models import Paper
from newsletter.steps.prior import ENOUGH, learn, telling

PICKED = [
    Paper(f"p{n}", f"Agents that plan with tools {n}", n, f"We study agents in world {n}.")
    for n in range(1, 60)
]
OTHERS = [
    Paper(f"o{n}", f"Segmentation of images {n}", n, f"We segment pictures in world {n}.")
    for n in range(100, 400)
]


def test_papers_like_the_picked_ones_stand_above_others() -> None:
    prior = learn(PICKED, OTHERS)
    assert prior is not None and prior.picks == len(PICKED)
    like = Paper("a", "Tools for agents", abstract="Agents plan.")
    unlike = Paper("b", "Images of cells", abstract="We segment pictures.")
    strange = Paper("c", "", abstract="")
    assert prior.score(like) > prior.score(strange) > prior.score(unlike)
    assert prior.share(like) == 1
    assert 0 <= prior.share(strange) <= 1


def test_the_words_say_what_was_learned() -> None:
    prior = learn(PICKED, OTHERS)
    assert prior is not None
    words = [word for word, weight in telling(prior, 10) if weight > 0.1]
    assert "agents" in words and "plan" in words and "images" not in words
    against = [word for word, weight in telling(prior, 10) if weight < -0.1]
    assert "pictures" in against or "segmentation" in against


def test_the_same_papers_give_the_same_weights() -> None:
    assert learn(PICKED, OTHERS) == learn(PICKED, OTHERS)


def test_ten_papers_teach_nothing() -> None:
    assert learn(PICKED[:10], OTHERS) is None
    assert learn(PICKED[: ENOUGH - 1], OTHERS) is None
    assert learn(PICKED, OTHERS[:10]) is None


def test_papers_without_words_do_no_harm() -> None:
    empty = [Paper(f"e{n}", "", n) for n in range(500, 600)]
    prior = learn(PICKED, empty)
    assert prior is not None and prior.score(empty[0]) < prior.score(PICKED[0])
    assert learn(empty, empty) is not None

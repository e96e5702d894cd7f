"""Experiments by name: a few runs of one recipe, trained, evaluated and reported together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inference.training.config import RECIPES, TrainConfig
from inference.training.sources import FIGSHARE, FOLDS, NO_TUMOR


@dataclass(frozen=True)
class Experiment:
    """Runs by the name of their folder. The test sides of what is `reported` are pooled.

    Runs that train on every patient leave nothing to report on, and runs that are tested on the
    same slices cannot be pooled: `compare` tells those apart.
    """

    title: str
    runs: dict[str, TrainConfig]
    reported: bool = True


_LONGER = replace(
    RECIPES["joint"],
    epochs=20,
    full_size_epochs=20,
    learning_rate=5e-4,
    seed=RECIPES["joint"].seed + 1,
)

_NOT_OPERATED_ON = replace(RECIPES["joint"], transplant=0.0, removal=0.0, decoy=0.0)

# As in papers that split slices at random: nothing against recognising the scanner.
_PLAIN = replace(_NOT_OPERATED_ON, restyled=0.0, shares={FIGSHARE: 0.8, NO_TUMOR: 0.2})

# Each idea on top of those before it; brief, so that all of them fit into an hour.
_BRIEF = {
    name: replace(recipe, split="fold:0", size=192, early_size=192, epochs=8, full_size_epochs=0)
    for name, recipe in {
        "none": _PLAIN,
        "sources": replace(_NOT_OPERATED_ON, restyled=0.0),
        "restyled": _NOT_OPERATED_ON,
        "transplanted": RECIPES["joint"],
    }.items()
}

# Sees most slices as they are, and errs on other ones than the networks that do not.
_AT_HOME = replace(
    _NOT_OPERATED_ON, restyled=0.3, epochs=10, full_size_epochs=6, seed=RECIPES["joint"].seed + 2
)


def _pair(split: str, *members: str) -> TrainConfig:
    return replace(RECIPES["joint"], split=split, members=members)


def _pairs(first: str) -> dict[str, TrainConfig]:
    """Networks of two experiments that were trained on the same patients, averaged."""
    runs = [f"fold-{k}" for k in range(FOLDS)]
    return {
        run: _pair(f"fold:{k}", f"../../{first}/{run}", f"../../home-folds/{run}")
        for k, run in enumerate(runs)
    }


EXPERIMENTS: dict[str, Experiment] = {
    "joint-folds": Experiment(
        "Class and outline in one network, five folds by patient",
        {f"fold-{k}": replace(RECIPES["joint"], split=f"fold:{k}") for k in range(FOLDS)},
    ),
    "joint-folds-longer": Experiment(
        "The networks of joint-folds after twenty more epochs at full size",
        {
            f"fold-{k}": replace(_LONGER, split=f"fold:{k}", start=f"../../joint-folds/fold-{k}")
            for k in range(FOLDS)
        },
    ),
    "joint-all": Experiment(
        "Class and outline in one network, trained on all patients",
        {"all": replace(RECIPES["joint"], split="all")},
        reported=False,
    ),
    "joint-all-longer": Experiment(
        "The network of joint-all after twenty more epochs at full size",
        {"all": replace(_LONGER, split="all", start="../../joint-all/all")},
        reported=False,
    ),
    "home-all": Experiment(
        "The joint network, most slices as they are, trained on all patients",
        {"all": replace(_AT_HOME, split="all")},
        reported=False,
    ),
    "paired-all": Experiment(
        "The networks of joint-all-longer and home-all averaged, as in paired-longer",
        {"all": _pair("all", "../../joint-all-longer/all", "../../home-all/all")},
        reported=False,
    ),
    "against-the-trap": Experiment(
        "What is done against recognising the scanner, one idea after the other, in short runs",
        _BRIEF,
        reported=False,
    ),
    "home-folds": Experiment(
        "The joint network, most slices as they are, five folds by patient",
        {f"fold-{k}": replace(_AT_HOME, split=f"fold:{k}") for k in range(FOLDS)},
    ),
    "paired-folds": Experiment(
        "Pairs of networks, one of joint-folds and one of home-folds, five folds by patient",
        _pairs("joint-folds"),
    ),
    "paired-longer": Experiment(
        "Pairs of networks, one of joint-folds-longer and one of home-folds, folds by patient",
        _pairs("joint-folds-longer"),
    ),
    "plain-slice": Experiment(
        "The joint network without what is done against the trap, slice-level as in the paper",
        {"slice": replace(_PLAIN, split="slice", epochs=30, full_size_epochs=20)},
    ),
    "cnn-slice": Experiment(
        "Plain CNN, slice-level split as in the paper",
        {"slice": replace(RECIPES["cnn"], split="slice")},
    ),
}

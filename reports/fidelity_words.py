"""The words of the fidelity report, for a reader who knows studies and not generators."""

GLOSSARY = {
    "AUPRC": "Of those that a model calls, the share who have the outcome, averaged over how many it finds; chance is "
    "the share of patients who have it, 1 is perfect.",
    "AUROC": "How often a model ranks a patient who has the code above one who has not; 0.5 is chance, 1 is perfect.",
    "Ceiling": "The figure for fresh real patients in the synthetic cohort's place: nothing can be expected to do "
    "better, for two samples of real patients differ too.",
    "Comparator": "A simple generator that was fitted to the same patients and measured by the same scores.",
    "Correlation": "Of two codes (phi): 0 where having one tells nothing of the other, 1 where they always come "
    "together, below 0 where they avoid each other.",
    "DWP": "Dimension-wise probability: the share of patients with each code, real against synthetic.",
    "DWPred": "Dimension-wise prediction: each code predicted from all others by a model trained on real and by one "
    "trained on synthetic patients, both tested on real patients that neither saw.",
    "Floor": "The figure for independent codes: each at the right rate, with no relation between them.",
    "Holdout": "Real patients kept from training and tuning, used for these figures alone.",
    "Interval": "The values that are compatible with the data, at 95 % confidence.",
    "Log-cluster": "Real and synthetic patients are grouped by likeness; the logarithm of how unevenly they share the "
    "groups. The lower, the better mixed.",
    "Odds ratio": "How many times the odds of one code are multiplied among patients who have the other; 1 is none.",
    "Prevalence": "The share of patients who have a code at least once; its rate.",
    "SDMetrics": "A public library of scores for synthetic tables, here on sex, age and race alone: 1 is best.",
    "Skill": "(floor - value) / (floor - ceiling): 0 is the floor, 1 the ceiling.",
    "TSTR": "Trained on synthetic, tested on real patients: whether a model made here works there.",
}

# an answer -> class of its mark on the page, and the mark, for who sees no colours
MARKS = {
    "yes": ("pass", "✓"),
    "with care": ("inconclusive", "!"),
    "undecided": ("inconclusive", "?"),
    "no": ("fail", "✗"),
    "not measured": ("unmeasured", "–"),
}

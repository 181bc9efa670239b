"""What the attacks, metrics and scores mean, in words for a reader who is no statistician."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Attack:
    """title: a heading. story: who the attacker is, what he does, and what it would mean if he succeeded."""

    title: str
    story: str


ATTACKS = {
    "exact_duplicates": Attack(
        "Exact copies of real patients",
        "Somebody who knows a patient's complete record looks it up in the synthetic file. Short and common records "
        "turn up by chance, so what counts is the excess over patients who were never shown to the generator. An "
        "excess among uncommon records means that the generator copied its training data.",
    ),
    "presence_disclosure": Attack(
        "Presence disclosure (medGAN's attack)",
        "Somebody holds the complete records of patients, half of whom were used for training, and claims for each "
        "that has a synthetic record within a given distance that he was. It is reported because published work "
        "reports it; the attack is weak, so finding nothing here is no evidence of safety.",
    ),
    "attribute_disclosure": Attack(
        "Attribute disclosure (medGAN's attack)",
        "Somebody knows some of a patient's codes, finds the most similar synthetic records and guesses the codes that "
        "he does not know. Much of what he guesses is medicine that holds for anybody; the risk is how much better he "
        "does for patients who were used for training than for patients who were not.",
    ),
    "membership_neighbours": Attack(
        "Membership inference, calibrated nearest neighbours",
        "Somebody has a patient's complete record, the synthetic file and other records of the same population. He "
        "claims that the patient was used for training where the synthetic file comes closer to him than chance "
        "explains. If he succeeds he learns that the person was a patient of this source.",
    ),
    "membership_neighbours_rarity": Attack(
        "Membership inference, weighted by rarity",
        "The calibrated attack with rare codes counting for more: two patients who share a rare disease are closer "
        "than two who share a common one. It looks for copies of unusual patients, who have the most to lose.",
    ),
}

METRICS = (
    (r"auc", "how often a member scores above a non-member (0.5 is chance)"),
    (r"advantage", "largest gap between members found and others wrongly claimed"),
    (r"tpr_at_fpr_(?P<rate>[\d.e-]+)", "members found when {rate} of others are wrongly claimed"),
    (r"sensitivity_at_hamming_(?P<t>\d+)", "members claimed (a synthetic record differs in at most {t} codes)"),
    (r"precision_at_hamming_(?P<t>\d+)", "claims that are right (a synthetic record differs in at most {t} codes)"),
    (
        r"false_positive_rate_at_hamming_(?P<t>\d+)",
        "others wrongly claimed (a synthetic record differs in at most {t} codes)",
    ),
    (r"sensitivity_s(?P<s>\d+)_k(?P<k>\d+)", "unknown codes guessed (of {s} known; {k} nearest records)"),
    (r"precision_s(?P<s>\d+)_k(?P<k>\d+)", "guesses that are right (of {s} known; {k} nearest records)"),
    (r"sensitivity_gain", "unknown codes guessed, members less non-members"),
    (r"precision_gain", "guesses that are right, members less non-members"),
    (r"identical_share", "members whose whole record is in the release"),
    (r"identical_excess", "members whose whole record is in the release, less non-members"),
    (
        r"identical_excess_distinctive(_records)?",
        "distinctive records that are in the release whole, members less non-members",
    ),
    (r"identical_excess_(?P<stratum>.+)", "the same excess among patients with {stratum}"),
)

SCORES = {
    "dwp_pearson": "prevalence, correlation (Pearson)",
    "dwp_spearman": "prevalence, rank correlation (Spearman)",
    "dwp_r2": "prevalence, R2 against the line of equality",
    "dwp_rmse": "prevalence, root mean square error",
    "dwp_apd": "prevalence, mean difference x 1000",
    "dwp_max_difference": "prevalence, largest difference",
    "dwp_log10_ratio": "prevalence, mean log10 ratio",
    "spurious_mass": "share of occurrences whose code no training patient has",
    "code_coverage": "share of the real codes that occur at all",
    "codes_per_patient_l1": "codes per patient, distance of distributions",
    "codes_per_patient_ks": "codes per patient, Kolmogorov-Smirnov",
    "codes_per_patient_mean_difference": "codes per patient, difference of means",
    "codes_per_patient_sd": "codes per patient, standard deviation",
    "correlation_cmd": "correlations between codes, distance (CMD)",
    "correlation_cwc": "correlations between codes, distance x 1e6 / codes squared (CWC)",
    "correlation_r_200": "correlations of the 200 commonest codes, agreement",
    "cooccurrence_r": "how often two codes come together, agreement",
    "log_lift_r": "how much oftener than by chance, agreement",
    "dwpred_auroc_gap": "prediction of codes (AUROC), mean absolute gap",
    "dwpred_auroc_loss": "prediction of codes (AUROC), mean loss",
    "dwpred_auroc_r": "prediction of codes (AUROC), correlation over codes",
    "dwpred_auroc_retention": "prediction of codes (AUROC), share retained",
    "dwpred_f1_gap": "prediction of codes (F1), mean absolute gap",
    "dwpred_f1_r": "prediction of codes (F1), correlation over codes",
    "detection_auroc_boosted": "told from real patients by boosting (AUROC)",
    "detection_auroc_linear": "told from real patients by a linear model (AUROC)",
}

GLOSSARY = {
    "AUROC": "How often a model ranks a patient who has the code above one who has not; 0.5 is chance, 1 is perfect.",
    "Ceiling": "For fidelity: the figure for fresh real patients in the synthetic cohort's place. For risk: the figure "
    "if the release were a copy of the training data.",
    "Control": "The figure where there is nothing to find: patients never used, or fresh real patients in the "
    "release's place.",
    "Differential privacy": "A mathematical limit (epsilon) on what any release can tell of one patient, whatever the "
    "attacker knows; it holds only if every look at the data was protected.",
    "DWP": "Dimension-wise probability: the share of patients with each code, real against synthetic.",
    "DWPred": "Dimension-wise prediction: each code predicted from all others by a model trained on real and by one "
    "trained on synthetic patients, both tested on real patients that neither saw.",
    "Floor": "The figure for an independent sampler: codes at the right rate, with no relation between them.",
    "Holdout": "Real patients kept from training and tuning, used for this report alone.",
    "Interval": "The values that are compatible with the data, at 95 % confidence.",
    "Member": "A real patient whose record the generator was trained on.",
    "Skill": "(floor - value) / (floor - ceiling): 0 is the floor, 1 the ceiling.",
    "Verdict": "PASS: the whole interval is below the threshold. FAIL: the whole interval is above it. INCONCLUSIVE: "
    "the threshold lies within, so more patients would be needed to tell.",
}


def attack_words(attack: str) -> Attack:
    """Title and story of an attack; a name that is not known here is its own title."""
    return ATTACKS.get(attack, Attack(attack.replace("_", " ").capitalize(), ""))


def metric_words(metric: str) -> str:
    """A metric in words; a name that is not known here, as it is written."""
    for pattern, words in METRICS:
        match = re.fullmatch(pattern, metric)
        if match:
            parts = {key: value.replace("_", " ") for key, value in match.groupdict().items()}
            if "rate" in parts:
                parts["rate"] = f"{100 * float(parts['rate']):g} %"
            return words.format(**parts)
    return metric.replace("_", " ")


def score_words(name: str, stratum: str) -> str:
    """A score in words with its stratum of codes, if it has one."""
    label = SCORES.get(name, name.replace("_", " "))
    return label if stratum == "all" else f"{label}; codes {stratum}"

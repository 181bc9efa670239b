"""What the scores and terms mean, in words for a reader who is no statistician."""

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
    "cooccurrence_r2": "how often two codes come together, R2 against the line of equality",
    "correlation_r_200": "correlations of the 200 commonest codes, agreement",
    "cooccurrence_r": "how often two codes come together, agreement",
    "log_lift_r": "how much oftener than by chance, agreement",
    "dwpred_auroc_gap": "prediction of codes (AUROC), mean absolute gap",
    "dwpred_auroc_loss": "prediction of codes (AUROC), mean loss",
    "dwpred_auroc_r": "prediction of codes (AUROC), correlation over codes",
    "dwpred_auroc_retention": "prediction of codes (AUROC), share retained",
    "dwpred_f1_gap": "prediction of codes (F1), mean absolute gap",
    "dwpred_f1_r": "prediction of codes (F1), correlation over codes",
    "downstream_tstr_auroc": "outcome models trained on synthetic, tested on real (AUROC)",
    "downstream_tstr_auprc": "outcome models trained on synthetic, tested on real (AUPRC)",
    "downstream_trts_auroc": "outcome models trained on real, tested on synthetic (AUROC)",
    "downstream_trts_auprc": "outcome models trained on real, tested on synthetic (AUPRC)",
    "downstream_auroc_retention": "outcome models (AUROC), share of real gain over chance",
    "downstream_auprc_retention": "outcome models (AUPRC), share of real gain over chance",
    "log_cluster": "mixing with real patients in 20 clusters (log-cluster)",
    "detection_auroc_boosted": "told from real patients by boosting (AUROC)",
    "detection_auroc_linear": "told from real patients by a linear model (AUROC)",
    "knowledge_violations": "patients per 10,000 with a code ruled out for their sex or age",
    "exclusive_group_violations": "patients per 10,000 with no or two sexes, ages or races",
    "subgroup_rmse_worst": "prevalence within the worst sex, age or race, error beyond sampling",
    "subgroup_rmse": "prevalence within sexes, ages and races, error beyond sampling",
    "sdmetrics_column_shapes": "sex, age and race, shapes (SDMetrics)",
    "sdmetrics_pair_trends": "sex, age and race, pair trends (SDMetrics)",
    "sdmetrics_quality": "sex, age and race, quality (SDMetrics)",
    "sdmetrics_validity": "sex, age and race, validity (SDMetrics)",
    "effect_log_or_r": "log odds ratios of pairs of codes, correlation",
    "effect_log_or_difference": "log odds ratios of pairs of codes, mean difference",
    "effect_coverage": "odds ratios within the real 95 % interval, share of pairs",
}

GLOSSARY = {
    "AUPRC": "Of those that a model calls, the share who have the outcome, averaged over how many it finds; chance is "
    "the share of patients who have it, 1 is perfect.",
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
    "Log-cluster": "Real and synthetic patients are grouped by likeness; the logarithm of how unevenly they share the "
    "groups. The lower, the better mixed.",
    "Member": "A real patient whose record the generator was trained on.",
    "SDMetrics": "A public library of scores for synthetic tables, here on sex, age and race alone: 1 is best.",
    "Skill": "(floor - value) / (floor - ceiling): 0 is the floor, 1 the ceiling.",
    "Verdict": "PASS: the whole interval is below the threshold. FAIL: the whole interval is above it. INCONCLUSIVE: "
    "the threshold lies within, so more patients would be needed to tell.",
}


def score_words(name: str, stratum: str) -> str:
    """A score in words with its stratum, if it has one: of codes by their prevalence, or an exclusive group."""
    label = SCORES.get(name, name.replace("_", " "))
    if stratum == "all":
        return label
    return f"{label}; codes {stratum}" if stratum.endswith("%") else f"{label}; {stratum}"

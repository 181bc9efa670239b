"""What the scores and terms mean, in words for a reader who is no statistician: a lawyer, an officer."""

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
    "Attack": "A trial, carried out on this cohort, of what somebody could do with it to learn of a real patient.",
    "AUC": "How often an attacker ranks a member above somebody who is none; 0.5 is chance, 1 is always.",
    "Audit": "An attempt to refute a claim of differential privacy, by guessing which made-up patients went into a "
    "training of its own. Not to refute it is no proof.",
    "Canary": "A made-up patient that is put among the real ones to see whether it can be found again.",
    "Ceiling": "The figure for a release that is a copy of the training data: the worst that there is to find.",
    "Comparators": "Other releases that could be made of the same patients, put through the same attacks: simple "
    "generators, and real records that were coarsened (k-anonymity).",
    "Control": "The figure where there is nothing to find: patients never used, or fresh real patients in the "
    "release's place. Only what goes beyond it is a leak.",
    "Delta": "The probability, far below one in the number of patients, that the promise of epsilon does not hold.",
    "Differential privacy": "A promise, proved and not measured, that no release tells much more of a patient than if "
    "that patient had not been in the data, whatever anybody knows besides.",
    "Epsilon": "How much is promised by differential privacy: 0 is that nothing is told, and each step up lets an "
    "attacker be surer. The epsilons of several releases of the same patients add up.",
    "Expected exposed patients": "How many more members than chance explains an attacker finds who wrongly claims 1 of "
    "100 others.",
    "False positive rate": "Of those who are not in the data, the share whom an attacker wrongly claims to be.",
    "Gate": "One condition of the policy: a figure that must be below a threshold, surely and not just by luck.",
    "Holdout": "Real patients kept from training and tuning, used for this report alone.",
    "Holm": "A correction of p values for the number of attacks: with many trials something looks striking by luck.",
    "Inference": "Whether the release tells something of a patient that was not known (Article 29 Working Party, "
    "opinion 05/2014): here attributes and sensitive codes.",
    "Interval": "The values that are compatible with the data, at 95 % confidence: of a hundred such intervals about "
    "ninety-five hold the truth.",
    "k-anonymity": "Real records made coarser until each combination of sex, age and race is that of at least k "
    "patients.",
    "Ledger": "The list of every look at patients' data, chained so that none can be taken out unseen.",
    "Linkability": "Whether the release helps to tell that two files are about the same person (Article 29 Working "
    "Party, opinion 05/2014).",
    "Margin": "How far a figure is from another verdict.",
    "Mechanism": "How a look at patients' data was protected: by which noise, or by none.",
    "Member": "A real patient whose record the generator was trained on.",
    "n": "How many patients a figure rests on.",
    "Noise multiplier": "How much noise was added, by what one patient can change; the more, the less is told.",
    "Non-member": "A real patient whom the generator never saw, attacked like the members to see what chance finds.",
    "Override": "A release in spite of the policy, for a reason that somebody gave and that is recorded.",
    "p value": "How often a release that leaks nothing would give a figure as large as this one.",
    "Power": "Whether a leak “would have been seen”: the smallest that shows itself in four releases of five. With few "
    "patients only a large one does.",
    "Prior": "What an attacker knows beforehand: the share of members among those whom he asks about.",
    "Quasi-identifier": "What does not name a patient but helps to look one up elsewhere: sex, age, race.",
    "Reference sample": "Other records of the same population that an attacker may have.",
    "Register": "The steward's list of what was released of which patients, to whom, and until when.",
    "Sensitivity": "Of a look at the data: how much one patient can change its answer.",
    "Sensitive codes": "Codes that harm most when they become known, by the topics that the policy declares.",
    "Shadow models": "Generators that an attacker trains himself, with and without a patient, to see a difference.",
    "Singling out": "Whether the release gives away a combination of codes that exactly one real patient has (Article "
    "29 Working Party, opinion 05/2014).",
    "Synthetic": "Made up by a computer program after the pattern of real records; no row is a person's.",
    "Threshold": "What a figure must stay below, and who set it: a law or guidance where one is named, else a default "
    "of this software that the steward adopts or changes in the policy.",
    "True positive rate": "Of the members, the share whom an attacker finds.",
    "Verdict": "PASS: the whole interval is below the threshold. FAIL: the whole interval is above it. INCONCLUSIVE: "
    "the threshold lies within, so more patients would be needed to tell. Where a gate has a p value instead, it "
    "passes if p is not below the limit.",
}


def score_words(name: str, stratum: str) -> str:
    """A score in words with its stratum, if it has one: of codes by their prevalence, or an exclusive group."""
    label = SCORES.get(name, name.replace("_", " "))
    if stratum == "all":
        return label
    return f"{label}; codes {stratum}" if stratum.endswith("%") else f"{label}; {stratum}"

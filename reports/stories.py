"""Who each attacker is and what each figure of an attack says, in words for a reader who is no statistician."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Attack:
    """title: a heading. story: who the attacker is, what he does, and what it would mean if he succeeded.

    short: the title where there is little room.
    """

    title: str
    story: str
    short: str = ""

    @property
    def label(self) -> str:
        """The short title, or else the title."""
        return self.short or self.title


ATTACKS = {
    "exact_duplicates": Attack(
        "Exact copies of real patients",
        "Somebody who knows a patient's complete record looks it up in the synthetic file. Short and common records "
        "turn up by chance, so what counts is the excess over patients who were never shown to the generator. An "
        "excess among uncommon records means that the generator copied its training data.",
        short="Exact copies",
    ),
    "presence_disclosure": Attack(
        "Presence disclosure (medGAN's attack)",
        "Somebody holds the complete records of patients, half of whom were used for training, and claims for each "
        "that has a synthetic record within a given distance that he was. It is reported because published work "
        "reports it; the attack is weak, so finding nothing here is no evidence of safety.",
        short="Presence (medGAN)",
    ),
    "attribute_disclosure": Attack(
        "Attribute disclosure (medGAN's attack)",
        "Somebody knows some of a patient's codes, finds the most similar synthetic records and guesses the codes that "
        "he does not know. Much of what he guesses is medicine that holds for anybody; the risk is how much better he "
        "does for patients who were used for training than for patients who were not.",
        short="Attributes (medGAN)",
    ),
    "membership_neighbours": Attack(
        "Membership inference, calibrated nearest neighbours",
        "Somebody has a patient's complete record, the synthetic file and other records of the same population. He "
        "claims that the patient was used for training where the synthetic file comes closer to him than chance "
        "explains. If he succeeds he learns that the person was a patient of this source.",
        short="Membership, neighbours",
    ),
    "membership_neighbours_rarity": Attack(
        "Membership inference, weighted by rarity",
        "The calibrated attack with rare codes counting for more: two patients who share a rare disease are closer "
        "than two who share a common one. It looks for copies of unusual patients, who have the most to lose.",
        short="Membership, by rarity",
    ),
    "membership_kernel": Attack(
        "Membership inference, copies with redrawn codes",
        "Somebody has a patient's complete record, the synthetic file and other records of the same population. He "
        "supposes that the generator copies patients and redraws some of their codes, and asks how much likelier the "
        "patient's record is near a synthetic one than chance explains. It is the sharpest test for copies.",
        short="Membership, redrawn copies",
    ),
    "membership_label_share": Attack(
        "Membership inference, whose neighbours are synthetic",
        "Somebody mixes the synthetic records with other records of the same population and asks, for a patient, how "
        "many of the nearest are synthetic. Many more than half say that the generator has seen him.",
        short="Membership, label share",
    ),
    "membership_mixture": Attack(
        "Membership inference, density ratio of mixtures",
        "Somebody fits a model of patient groups to the synthetic file and another to other records of the same "
        "population, and claims patients whom the first finds likelier. It finds generators that learnt groups of a "
        "few patients by heart.",
        short="Membership, mixtures",
    ),
    "membership_chow_liu": Attack(
        "Membership inference, density ratio of trees",
        "The same with a model of which code depends on which (a Chow-Liu tree).",
        short="Membership, trees",
    ),
    "membership_linear": Attack(
        "Membership inference, linear classifier",
        "Somebody trains a linear model to tell the synthetic file from other records of the same population, by "
        "its codes, and claims patients whom it takes for synthetic. It finds a release that follows the "
        "accidental frequencies of its training data.",
        short="Membership, linear",
    ),
    "membership_pairs": Attack(
        "Membership inference, linear classifier on pairs",
        "The same with pairs of codes beside the codes: it finds a release that follows accidental combinations.",
        short="Membership, pairs",
    ),
    "membership_boosted": Attack(
        "Membership inference, boosted classifier",
        "The same with boosted trees, which see combinations of codes.",
        short="Membership, boosted",
    ),
    "membership_stack": Attack(
        "Membership inference, all scores together",
        "Somebody runs all the membership attacks and learns, from patients whose membership he happens to know, which "
        "to believe when. He is judged on other patients.",
        short="Membership, all together",
    ),
    "membership_kernel_vulnerable": Attack(
        "Membership of the most vulnerable patients",
        "The attack on copies, tried on the 1 % of patients who are least like anybody else. They are found first and "
        "harmed most, and an average over all patients hides them.",
        short="Membership, most vulnerable",
    ),
    "membership_subgroup": Attack(
        "Membership in the worst subgroup",
        "The attack on copies, tried among the carriers of each code in turn: a generator may protect patients as a "
        "body and give away those with one rare disease. The steward's copy names the worst code; some code is always "
        "the worst, so the control shows how bad the worst looks where nothing leaks.",
        short="Membership, worst subgroup",
    ),
    "membership_shadow": Attack(
        "Membership inference by shadow models",
        "Somebody who knows how the generator was trained trains his own, with and without each patient he asks about, "
        "and compares. It is the attack that knows most, and the most costly.",
    ),
    "membership_discriminator": Attack(
        "Membership inference by the critic",
        "Somebody got hold of the trained critic and asks it how real a patient's record is.",
    ),
    "adversarial_accuracy": Attack(
        "Nearest-neighbour adversarial accuracy",
        "Nobody's attack but a known measure: how well records can be told apart by whether their nearest neighbour is "
        "of their own kind, for training patients and for patients never seen. The difference is the loss of privacy.",
        short="Adversarial accuracy",
    ),
    "sensitive_codes": Attack(
        "Disclosure of sensitive codes",
        "Somebody knows all of a patient's record but one sensitive code and reads from the release whether the "
        "patient has it. Much of what he reads is medicine; the risk is how much better he does for patients whose "
        "records were used, and whether other real records would have told him as much.",
        short="Sensitive codes",
    ),
    "reconstruction": Attack(
        "Linear reconstruction of a secret code",
        "Somebody knows the records of many patients but for one code, counts in the release how often that code comes "
        "with combinations of the others, and solves for who has it.",
        short="Reconstruction",
    ),
    "singling_out": Attack(
        "Singling out",
        "Somebody takes a combination of codes that one synthetic record alone has, and claims that exactly one real "
        "patient has it. The control is how often that holds of as many patients who were never used.",
    ),
    "linkability": Attack(
        "Linkability",
        "Two files hold different parts of patients' records. Somebody uses the release to tell which parts belong to "
        "one person. The control is the same for patients who were never used.",
    ),
    "meaningful_identity": Attack(
        "Meaningful identity disclosure (El Emam et al. 2020)",
        "Somebody looks a person up by sex, age and race, finds a matching synthetic record, and learns something from "
        "it that is true of that person and unusual in the population.",
        short="Identity (El Emam)",
    ),
}

METRICS = (
    (r"auc", "how often a member scores above a non-member (0.5 is chance)"),
    (r"precision_at_prior", "claims that are right at the declared prior (1 % of others wrongly claimed)"),
    (r"exposed_patients", "patients of the training data found beyond chance (1 % of others wrongly claimed)"),
    (r"epsilon_lower_bound", "no differential privacy with a smaller epsilon (its lower limit counts)"),
    (r"recall_gain", "sensitive codes read rightly, members less non-members"),
    (r"f1_gain", "claims of sensitive codes (F1), members less non-members"),
    (r"recall_gain_over_science", "sensitive codes read rightly, less what other real patients tell"),
    (r"recall_gain_worst_code", "sensitive codes read rightly, members less non-members, worst code"),
    (r"auc_gain", "secrets reconstructed (AUC), members less non-members"),
    (r"isolated_share", "combinations that isolate exactly one member"),
    (r"isolation_gain", "combinations that isolate exactly one member, less non-members"),
    (r"linked_share", "members whose two parts lead to one record"),
    (r"link_gain", "members whose two parts lead to one record, less non-members"),
    (r"identity_risk", "members looked up by sex, age and race and learnt something unusual of"),
    (r"identity_gain", "members looked up and learnt something unusual of, less non-members"),
    (r"nnaa_train", "records nearest to their own kind, training patients (0.5 is mixed)"),
    (r"nnaa_holdout", "records nearest to their own kind, patients never seen (0.5 is mixed)"),
    (r"privacy_loss", "the latter less the former (above 0: closer to the training patients)"),
    (r"worst_auc", "how often a member scores above a non-member, worst code"),
    (r"advantage", "largest gap between members found and others wrongly claimed"),
    (r"tpr_at_fpr_(?P<rate>[\d.e-]+)", "members found when {rate} of others are wrongly claimed"),
    (r"sensitivity_at_hamming_(?P<t>\d+)", "members claimed (a synthetic record differs in at most {t} codes)"),
    (r"precision_at_hamming_(?P<t>\d+)", "claims that are right (a synthetic record differs in at most {t} codes)"),
    (
        r"fpr_at_hamming_(?P<t>\d+)",
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


# anchor -> heading, and how the names of its attacks begin; an attack goes where the longest fits
GROUPS = {
    "membership": ("Was this person a patient here? Membership", ("membership_", "presence_", "adversarial_")),
    "exposed": ("Patients who are exposed most", ("membership_kernel_vulnerable", "membership_subgroup")),
    "copies": ("Copies of real patients", ("exact_",)),
    "sensitive": (
        "What codes has this person? Inference of attributes and sensitive codes",
        ("sensitive_", "attribute_", "reconstruction"),
    ),
    "identity": ("Who is this? Singling out, linkability, identity", ("singling_", "linkability", "meaningful_")),
    "others": ("Other attacks", ("",)),
}


def group_of(attack: str) -> str:
    """The group of `GROUPS` that an attack belongs to."""
    begins = [(start, anchor) for anchor, (_, starts) in GROUPS.items() for start in starts]
    return max(((len(start), anchor) for start, anchor in begins if attack.startswith(start)))[1]


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

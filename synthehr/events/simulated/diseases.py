"""What the embedded population can have: diseases in the order of how common they are, what follows from them, drugs.

Codes are ICD-9-CM; whom a code can befall follows from the chapters of the classification. Nothing here was estimated
from patients: orders, links and shares are plausible round figures, for trying the house out and for nothing else.
"""

import zlib
from dataclasses import dataclass

from synthehr.codes.icd9 import categories

# commonest first; the codes of a line share one category, commonest first; + marks a chronic disease
COMMON = """
+401.9 401.1 401.0|+272.4 272.0 272.2 272.1|+250.00 250.02 250.60 250.40 250.01 250.50|276.8 276.1 276.51 276.2 276.7
+414.01 414.00 414.8|285.9 285.1 285.29|+530.81 530.11|+427.31 427.89 427.1 427.32|+305.1 305.00 305.90 305.60|+244.9
+428.0 428.32 428.22 428.33 428.23|+496|599.0 599.60|+715.90 715.36 715.96 715.35|+311|584.9 584.5
+585.9 585.3 585.6 585.4|+300.00 300.02 300.4 300.01|+278.00 278.01 278.02|+493.90 493.92 493.20|518.81 518.0 518.82
486|780.2 780.79 780.4 780.39|786.50 786.05 786.59 786.09|+V45.81 V45.82 V45.01|+V58.67 V58.61 V58.69 V58.66
789.00 789.09 789.06|+733.00 733.13|787.91 787.01 787.20|410.71 410.41 410.91|+424.0 424.1|682.6 682.3 682.2
038.9 038.42 038.11|+600.00 600.01|995.91 995.92|+403.90 403.91|564.00 564.1|785.52 785.0|V27.0 V27.2
724.2 724.5 724.02|707.03 707.05 707.15|+280.9 280.0|574.20 574.10 574.00|465.9|434.91 434.11|664.01 664.11|650
+571.5 571.2 571.8|+070.54 070.70|+303.90 303.01|+304.01 304.00 304.20|+296.20 296.30 296.80 296.7|+294.8 294.10
+331.0|+332.0|+345.90 345.10|+357.2 357.9|+362.01 362.50 362.02|+365.9 365.10|366.9 366.16|+440.20 440.21 440.9|+443.9
+433.10|453.40|415.19|578.9 578.1|197.0 197.7|198.5 198.3|+162.9 162.3 162.5|+174.9 174.4|+185|+153.9 153.6
008.45 008.8|+562.10 562.11|577.0 577.1|590.80 590.10|592.0 592.1|626.2 626.8|+218.9|+714.0|+710.0|+491.21 491.20
+416.8 416.0|+425.4|E888.9|E885.9|E849.0 E849.7|E878.8|E932.0|820.21 820.8 820.09|813.41|805.4|V10.05 V10.83|+V15.82
V12.54 V12.51 V12.72|+V43.65 V43.64|V49.75|382.9|079.99|V30.00 V30.01|774.6 774.2|765.18|+042|458.9 458.29
997.1 997.39|998.59 998.12|996.62 996.72|+340|+327.23|+274.9|535.50|553.3|288.60|287.5|348.30 348.5|263.9|268.9
"""

# cause, what follows from it, share of those with the cause
CONSEQUENCES = """
250 357 .14|250 362 .13|250 585 .10|250 V58 .25|250 707 .05|401 403 .05|401 428 .05|585 285 .30|585 276 .25
585 403 .35|428 427 .25|428 518 .15|428 416 .12|414 410 .18|414 V45 .30|410 427 .20|427 V58 .30|427 434 .07
496 491 .30|496 518 .20|496 486 .18|305 496 .12|278 327 .20|278 715 .12|303 571 .22|571 572 .35|571 789 .20
571 456 .12|304 070 .25|486 038 .14|038 995 .70|038 584 .40|038 785 .30|584 276 .35|599 038 .08|820 E888 .60
820 733 .35|813 E885 .40|162 197 .30|162 198 .25|174 198 .20|153 197 .25|197 338 .15|198 338 .15|650 V27 .97
664 V27 .95|V30 774 .18|765 774 .40|765 769 .30|042 112 .12|331 294 .40|332 294 .20|434 342 .30|434 784 .20
562 578 .15|577 263 .12|995 518 .30|530 553 .15
"""

# drug, then the categories it is given for with the share of their patients, base share of everybody last
DRUGS = """
metformin 250 .45 0|insulin 250 .30 0|glipizide 250 .18 0|glyburide 250 .14 0|pioglitazone 250 .08 0
lisinopril 401 .35 428 .30 250 .10 0|metoprolol 401 .22 414 .40 427 .35 410 .40 0|amlodipine 401 .24 0
atenolol 401 .12 0|hydrochlorothiazide 401 .22 0|losartan 401 .10 428 .08 0|furosemide 428 .65 585 .20 571 .20 0
spironolactone 428 .15 571 .25 0|digoxin 427 .15 428 .10 0|amiodarone 427 .10 0|diltiazem 427 .15 401 .05 0
warfarin 427 .35 453 .60 415 .60 0|heparin 410 .40 415 .50 453 .40 V45 .08 .04|clopidogrel 414 .30 410 .45 433 .20 0
aspirin 414 .60 410 .60 434 .40 .06|nitroglycerin 414 .18 410 .40 786 .10 0|atorvastatin 272 .40 414 .20 0
simvastatin 272 .35 414 .15 0|ezetimibe 272 .06 0|levothyroxine 244 .88 0|omeprazole 530 .45 535 .40 .03
pantoprazole 530 .35 578 .60 .05|ranitidine 530 .15 535 .15 .03|albuterol 493 .70 496 .55 491 .60 465 .10 0
ipratropium 496 .40 491 .50 0|fluticasone 493 .40 496 .25 0|tiotropium 496 .25 0
prednisone 493 .25 491 .50 714 .35 710 .40 0|methotrexate 714 .35 0|hydroxychloroquine 710 .45 714 .12 0
montelukast 493 .18 0|ceftriaxone 486 .40 599 .25 590 .50 038 .35 0|azithromycin 486 .40 466 .30 491 .25 0
levofloxacin 486 .30 599 .25 0|ciprofloxacin 599 .30 590 .30 562 .25 0|vancomycin 038 .55 682 .35 996 .40 0
piperacillin-tazobactam 038 .40 995 .30 0|metronidazole 008 .70 562 .30 0|cephalexin 682 .30 599 .08 0
amoxicillin 382 .60 465 .15 0|fluconazole 112 .55 0|sertraline 311 .28 300 .20 296 .12 0|citalopram 311 .25 300 .15 0
fluoxetine 311 .14 300 .08 0|trazodone 311 .12 300 .10 0|lorazepam 300 .25 303 .35 .02|quetiapine 296 .30 294 .12 0
olanzapine 296 .15 295 .30 0|lithium 296 .12 0|haloperidol 295 .25 294 .08 0|donepezil 331 .50 294 .20 0
memantine 331 .25 0|levodopa 332 .80 0|phenytoin 345 .35 0|levetiracetam 345 .40 348 .10 0
gabapentin 357 .45 724 .12 0|methadone 304 .30 0|thiamine 303 .50 0|folic-acid 303 .40 0|nicotine 305 .25 0
lactulose 571 .20 572 .60 0|tamsulosin 600 .45 0|finasteride 600 .22 0|alendronate 733 .40 0|calcium 733 .30 .03
ferrous-sulfate 280 .60 285 .15 0|epoetin 585 .20 0|sevelamer 585 .15 0|allopurinol 274 .55 0
potassium-chloride 276 .45 428 .15 .04|sodium-chloride 276 .40 584 .40 .10|morphine 820 .50 410 .20 998 .15 .04
oxycodone 724 .20 820 .45 715 .12 .03|acetaminophen 715 .30 780 .20 .15|ibuprofen 715 .12 724 .15 .03
docusate 564 .45 .08|ondansetron 787 .40 574 .25 .04|oxytocin 650 .40 664 .50 0|tamoxifen 174 .40 0
leuprolide 185 .30 0|zidovudine 042 .25 0|tenofovir 042 .45 0|norepinephrine 785 .35 995 .25 0|midazolam 518 .20 0
propofol 518 .22 0|latanoprost 365 .60 0
"""

# chapters: first and last category, typical age and spread in years, loadings on four shared severities
# (cardiometabolic, frailty, mind and substances, immunity and cancer)
CHAPTERS: tuple[tuple[str, str, float, float, tuple[float, float, float, float]], ...] = (
    ("001", "139", 55, 40, (0.05, 0.40, 0.15, 0.40)),
    ("140", "239", 68, 18, (0.00, 0.30, 0.00, 0.60)),
    ("240", "279", 62, 24, (0.65, 0.25, 0.00, 0.05)),
    ("280", "289", 65, 30, (0.20, 0.45, 0.00, 0.35)),
    ("290", "319", 48, 22, (0.05, 0.15, 0.70, 0.00)),
    ("320", "389", 65, 28, (0.25, 0.40, 0.15, 0.00)),
    ("390", "459", 72, 18, (0.70, 0.30, 0.00, 0.00)),
    ("460", "519", 62, 35, (0.25, 0.50, 0.15, 0.10)),
    ("520", "579", 58, 28, (0.15, 0.35, 0.30, 0.10)),
    ("580", "629", 65, 28, (0.45, 0.40, 0.00, 0.05)),
    ("630", "679", 28, 6, (0.05, 0.00, 0.05, 0.00)),
    ("680", "709", 60, 30, (0.25, 0.40, 0.10, 0.15)),
    ("710", "739", 64, 20, (0.20, 0.30, 0.10, 0.10)),
    ("740", "759", 2, 8, (0.00, 0.20, 0.00, 0.05)),
    ("760", "779", 0, 0.4, (0.00, 0.30, 0.00, 0.00)),
    ("780", "799", 60, 35, (0.20, 0.50, 0.20, 0.10)),
    ("800", "999", 50, 35, (0.10, 0.45, 0.30, 0.05)),
    ("E000", "E999", 50, 35, (0.05, 0.40, 0.35, 0.00)),
    ("V01", "V91", 60, 30, (0.35, 0.35, 0.05, 0.30)),
)
FEMALE = ("174", "179-184", "218-221", "256", "614-629", "630-679", "V22-V24", "V27-V28")
MALE = ("175", "185-187", "222", "257", "600-608")
OF_BIRTH = ("630-679", "V22-V24", "V27-V28")
NEWBORN = ("760-779", "V29-V39")
# female to male ratio where it is neither 1 nor 0
FEMALE_RATIO = {"244": 4.0, "733": 4.0, "714": 2.5, "710": 6.0, "311": 1.7, "300": 1.6, "414": 0.6, "410": 0.6}
FEMALE_RATIO |= {"303": 0.35, "304": 0.5, "305": 0.7, "274": 0.35, "599": 1.8, "340": 2.3, "042": 0.35, "440": 0.7}


@dataclass(frozen=True)
class Disease:
    """One category with the codes it is written as, commonest first; sex: whom it can befall, None for both."""

    category: str
    codes: tuple[str, ...]
    chronic: bool
    chapter: int
    age: float
    spread: float
    sex: str | None
    female_ratio: float


def within(category: str, ranges: tuple[str, ...]) -> bool:
    """Whether a category lies in one of the ranges, such as `630-679`; letters compare among themselves."""
    bounds = (r.split("-") for r in ranges)
    return any(b[0] <= category <= b[-1] and b[0][0].isalpha() == category[0].isalpha() for b in bounds)


def diseases(n: int) -> tuple[Disease, ...]:
    """The n commonest diseases, commonest first; beyond `COMMON` and its consequences in an order that means nothing.

    Raises:
        ValueError: ICD-9-CM has no n categories.
    """
    written = [entry.split() for line in COMMON.split("\n") for entry in line.split("|") if entry]
    first = {codes[0].lstrip("+").split(".")[0]: codes for codes in written}
    caused = [part.split()[1] for line in CONSEQUENCES.split("\n") for part in line.split("|") if part]
    treated = [c for _, shares, _ in drugs() for c in shares]
    rest = sorted((c.removeprefix("ICD9CM/") for c in categories()), key=lambda c: zlib.crc32(c.encode()))
    order = list(dict.fromkeys([*first, *caused, *treated, *rest]))
    if not len(first) <= n <= len(order):
        raise ValueError(f"diseases needs n between {len(first)} and {len(order)}. Got {n} instead.")
    return tuple(_disease(category, first.get(category, [category])) for category in order[:n])


def _disease(category: str, codes: list[str]) -> Disease:
    chapter = next(k for k, (low, high, *_) in enumerate(CHAPTERS) if within(category, (f"{low}-{high}",)))
    _, _, age, spread, _ = CHAPTERS[chapter]
    if within(category, OF_BIRTH):
        age, spread = 28, 6
    if within(category, NEWBORN):
        age, spread = 0, 0.4
    sex = "female" if within(category, FEMALE) else "male" if within(category, MALE) else None
    plain = tuple(code.lstrip("+") for code in codes)
    return Disease(category, plain, codes[0][0] == "+", chapter, age, spread, sex, FEMALE_RATIO.get(category, 1.0))


def consequences() -> list[tuple[str, str, float]]:
    """Cause, effect, and the share of those with the cause who get the effect, over what they would have anyway."""
    parts = [part.split() for line in CONSEQUENCES.split("\n") for part in line.split("|") if part]
    return [(cause, effect, float(share)) for cause, effect, share in parts]


def drugs() -> list[tuple[str, dict[str, float], float]]:
    """Drug, share of each indication's patients who get it, share of everybody."""
    parts = [part.split() for line in DRUGS.split("\n") for part in line.split("|") if part]
    return [(p[0], {c: float(s) for c, s in zip(p[1:-1:2], p[2:-1:2], strict=True)}, float(p[-1])) for p in parts]

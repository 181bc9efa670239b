"""What the responsible-AI fields of Croissant say of a release: from what is known, and nothing that is not."""

from collections.abc import Mapping

from privacy.policy_file import Policy


def responsible(about: Mapping[str, str], policy: Policy, *, source: str, expires: str) -> dict[str, str]:
    """Property of the Croissant RAI vocabulary 1.0 (without its prefix) -> text.

    about: the rows of the database's table `_about`. policy: what the steward declared. source: name of the real data.
    """
    sensitive = ", ".join(policy.sensitive) or "none declared"
    return {
        "dataCollection": "No person was asked or observed. Records were drawn from the generator "
        f"{about['generator']}, trained on: {source}.",
        "dataPreprocessingProtocol": "Real records became codes with counts a patient, rolled up; rare codes, dates, "
        "free text and identifiers were dropped before training.",
        "dataUseCases": "Teaching, writing and testing analysis code, planning studies, and questions on rates and "
        "associations of common codes, as far as fidelity.html says.",
        "dataLimitations": "No times and no order of events; rare codes are the least reliable part. Results are to be "
        "confirmed on real data. Not for decisions about any person.",
        "dataBiases": "The biases of the source, in who was seen and what was coded, are kept; fidelity.html tells the "
        "error within each sex, age and race.",
        "personalSensitiveInformation": "No row is a real patient. The codes include sex, age and race groups and "
        f"diagnoses, sensitive ones among them ({sensitive}). {about['differential_privacy']}",
        "dataSocialImpact": "Research without access to patients' records; a finding made here alone may mislead. What "
        "attackers could learn of real patients was measured: report.html.",
        "dataReleaseMaintenancePlan": f"Released to: {policy.recipients}; controls: {policy.controls}. Policy "
        f"{about['policy']}, verdict {about['verdict']}; to be decided anew by {expires}.",
    }

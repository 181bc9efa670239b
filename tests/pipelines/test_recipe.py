from pathlib import Path

import pytest

from pipelines.recipe import RECIPES, load_recipe, nearest, parse_options, recipe_path
from privacy.policy_file import load_policy
from synthehr.errors import BadRequest
from synthehr.events.mapping_file import load_mapping
from synthehr.models.registry import create, create_private


def write(folder: Path, text: str) -> Path:
    (folder / "r.toml").write_text(text)
    return folder / "r.toml"


@pytest.mark.parametrize("file", sorted(RECIPES.glob("*.toml")), ids=lambda file: file.stem)
def test_a_recipe_that_comes_along_asks_for_what_there_is(file: Path) -> None:
    recipe = load_recipe(file)
    assert recipe.name == file.stem
    made = create if recipe.train.epsilon is None else create_private
    assert made(recipe.train.model, options=recipe.train.options).name == recipe.train.model
    assert load_policy(recipe.release.policy).gates
    if recipe.ingest.format:
        assert load_mapping(recipe.ingest.format).name == recipe.ingest.format


def test_a_bare_name_is_one_that_comes_along() -> None:
    assert recipe_path("diabetes130") == RECIPES / "diabetes130.toml"
    with pytest.raises(BadRequest, match="Did you mean 'diabetes130'"):
        recipe_path("diabetes13")
    with pytest.raises(BadRequest, match=r"No recipe file .*nowhere"):
        recipe_path("nowhere/diabetes130.toml")


def test_the_least_recipe_is_a_name(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, 'name = "x"'))
    assert recipe.train.model == "transformer"
    assert recipe.cohort.shares == (0.65, 0.05, 0.30)
    assert recipe.generate.patients is None


def test_files_of_a_release_are_beside_the_recipe(tmp_path: Path) -> None:
    text = 'name = "x"\n[release]\nqueries = "asked"\nregister_file = "../house/releases.jsonl"'
    asked = load_recipe(write(tmp_path, text)).release
    assert asked.queries == str(tmp_path / "asked")
    assert asked.register_file == str(tmp_path / "../house/releases.jsonl")
    assert asked.key_file is None


def test_one_seed_serves_all_stages_unless_the_split_has_its_own(tmp_path: Path) -> None:
    assert load_recipe(write(tmp_path, 'name = "x"\nseed = 7')).cohort.seed == 7
    recipe = load_recipe(write(tmp_path, 'name = "x"\nseed = 7\n[cohort]\nseed = 1'))
    assert (recipe.seed, recipe.cohort.seed) == (7, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('nam = "x"', "no key 'nam'. Did you mean 'name'?"),
        ('name = "x"\n[train]\nmodle = "medgan"', "no key 'train.modle'. Did you mean 'model'?"),
        ('name = "x"\n[cohort]\nmin_patient = 3', "no key 'cohort.min_patient'. Did you mean 'min_patients'?"),
        ('name = "x"\n[trian]\nmodel = "medgan"', "no key 'trian'. Did you mean 'train'?"),
        ('name = "x"\n[fidelity]\nrule = []', "no key 'fidelity.rule'. Did you mean 'rules'?"),
        ('name = "x"\n[release]\nzzz = 1', "no key 'release.zzz'. Known: key_file, policy, queries, register_file."),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest(tmp_path: Path, text: str, words: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(BadRequest) as error:
        load_recipe(file)
    assert str(error.value) == f"{file}: there is {words}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name = "../x"', "name"),
        ("seed = 1", "name: Field required"),
        ('name = "x"\nseed = -1', "seed"),
        ('name = "x"\n[generate]\npatients = 0', "generate.patients"),
        ('name = "x"\n[cohort]\nshares = [0.5, 0.5, 0.5]', "shares"),
        ('name = "x"\n[cohort]\nrollup = "icd11"', "cohort.rollup"),
        ('name = "x', "is not TOML"),
        ('name = "x"\n[train]\nmodel = 3', "train.model"),
        ('name = "x"\ncohort = 3', "cohort"),
        ('name = "x"\n[fidelity]\noutcomes = "OUTCOME/died"', "fidelity.outcomes"),
        ('name = "x"\ningest = 3', "ingest"),
        ('name = "x"\ntrain = "medgan"', "train"),
    ],
)
def test_a_value_out_of_range_is_a_bad_request_that_names_the_key(tmp_path: Path, text: str, words: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(BadRequest) as error:
        load_recipe(file)
    assert words in str(error.value)


def test_what_a_site_declares(tmp_path: Path) -> None:
    text = """name = "x"
[fidelity]
rules = [["ICD9CM/185", "SEX/female"]]
effects = [["DRUG/insulin", "ICD9CM/250"], ["SEX/male", "ICD9CM/414"]]
outcomes = ["OUTCOME/died_in_hospital"]
"""
    declared = load_recipe(write(tmp_path, text)).fidelity
    assert declared.rules == (("ICD9CM/185", "SEX/female"),)
    assert declared.effects == (("DRUG/insulin", "ICD9CM/250"), ("SEX/male", "ICD9CM/414"))
    assert declared.outcomes == ("OUTCOME/died_in_hospital",)
    nothing = load_recipe(write(tmp_path, 'name = "x"')).fidelity
    assert (nothing.rules, nothing.effects, nothing.outcomes) == ((), (), ())


@pytest.mark.parametrize(
    ("line", "came"),
    [
        ('rules = ["ICD9CM/185", "SEX/female"]', "'ICD9CM/185'"),
        ('rules = [["ICD9CM/185"]]', "['ICD9CM/185']"),
        ('rules = [["ICD9CM/185", "SEX/female", "SEX/male"]]', "['ICD9CM/185', 'SEX/female', 'SEX/male']"),
        ('effects = [["ICD9CM/250", 428]]', "['ICD9CM/250', 428]"),
        ('effects = "ICD9CM/250"', "'ICD9CM/250'"),
        ('rules = {"ICD9CM/185" = "SEX/female"}', "{'ICD9CM/185': 'SEX/female'}"),
    ],
)
def test_a_pair_that_is_none_is_shown_beside_one_that_is(tmp_path: Path, line: str, came: str) -> None:
    file = write(tmp_path, f'name = "x"\n[fidelity]\n{line}')
    with pytest.raises(BadRequest) as error:
        load_recipe(file)
    expected = 'expected pairs of two codes, such as [["ICD9CM/185", "SEX/female"]]'
    assert f"fidelity.{line.split()[0]}: Value error, {expected}. Got {came} instead." in str(error.value)


def test_files_named_in_a_recipe_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("")
    text = 'name = "x"\n[ingest]\nformat = "mine.toml"\n[release]\npolicy = "internal_test"'
    recipe = load_recipe(write(tmp_path, text))
    assert recipe.ingest.format == str(tmp_path / "mine.toml")
    assert recipe.release.policy == "internal_test"


def test_the_nearest_name_or_all() -> None:
    assert nearest("epoch", ["epochs", "minutes"]) == " Did you mean 'epochs'?"
    assert nearest("q", ["b", "a"]) == " Known: a, b."


def test_options_on_the_command_line_read_as_in_a_recipe() -> None:
    given = ["pool=2000", "l2=1e-3", "data=count", "discriminator_dims=[64, 32]", "device='cpu'"]
    expected = {"pool": 2000, "l2": 0.001, "data": "count", "discriminator_dims": [64, 32], "device": "cpu"}
    assert parse_options(given) == expected
    with pytest.raises(BadRequest, match="NAME=VALUE"):
        parse_options(["pool"])

"""Which series are worth reading, by what scanners of several vendors and languages call them."""

import pytest

from scans.series.selection import About, judge, preferred

T1 = {"repetition_time_ms": 550.0, "echo_time_ms": 12.0, "scanning_sequence": ["SE"]}

NAMES = {
    "t1c": (
        "t1_mprage_tra_p2_iso_KM", "T1W_3D_TFE Gd", "Ax T1 FSE +C", "AX T1 C+", "sT1W_SE post",
        "t1_se_tra_KM", "T1 axial post-contrast", "T1 TSE SAG +GD", "t1ce", "T1C", "3D T1 BRAVO+C",
        "AxT1 POST GAD", "T1 EG injecté", "T1 con contraste", "T1 ax dopo mdc", "SAG T1 CE",
        "t1_fl2d_tra_km", "T1 aksiyel kontrastlı", "Т1 с контрастом", "T1 增强", "T1 بعد الصبغة",
        "Cor T1 fat sat Gd", "T1 FLAIR +C", "Stealth preop T1 +C", "T1-KM", "T1 GD-DTPA",
    ),
    "t1": (
        "t1_mprage_sag_p2_iso", "anat-T1w", "Ax T1 FSE", "T1 TSE nativ", "T1 ohne KM", "T1 C-",
        "T1 pre contrast", "T1 w/o contrast", "T1 SE sans injection", "T1 sin contraste",
        "T1 GD(-)", "Т1 без контраста", "SPGR", "T1 post op",
        "MP-RAGE", "Sag T1 FLAIR", "T1 平扫", "T1 bez KM",
    ),
    "": (
        "localizer", "AAHead_Scout", "3-plane loc", "Survey_SHC", "repérage", "t2_tse_tra",
        "Ax T2 FLAIR", "FLAIR", "t2_space_dark-fluid_sag", "T2* GRE", "ep2d_diff_b0_b1000_TRACEW",
        "DWI", "ADC (10^-6 mm²/s)", "SWI_Images", "mIP_Images(SW)", "TOF_3D_multi-slab", "ASL 3D",
        "perfusion_DSC", "Difusión", "DTI 32 dir", "PD TSE", "STIR cor", "CISS 3D", "svs_se_135",
        "Screenshots", "T1 SUB", "T1 map", "C-spine T1", "field_map", "cal_head 32", "SenseRefScan",
        "resting state", "Report", "unknown thing", "part1", "MRV 3D PC", "t1 t2 mix",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, names in NAMES.items() for n in names])
def test_a_name_says_what_it_is(kind: str, name: str) -> None:
    verdict = judge(about(description=name))
    assert verdict.kind == kind, verdict.reason
    assert verdict.reason.endswith(".")


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("t1", {"facts": T1}),
        ("t1c", {"facts": T1 | {"contrast_agent": "Gadovist 7.5 ml"}}),
        ("t1", {"facts": T1 | {"contrast_agent": "NONE"}}),
        ("t1", {"facts": T1 | {"contrast_agent": "Gadovist"}, "description": "T1 nativ"}),
        ("t1c", {"facts": {"acquisition_contrast": "T1", "contrast_given": True}}),
        ("t1", {"facts": {"protocol": "t1_tra"}}),
        ("", {"facts": {"protocol": "BRAIN W/WO T1"}, "description": "Ax PD"}),
        ("", {"facts": T1 | {"repetition_time_ms": 4000.0, "echo_time_ms": 90.0}}),
        ("", {"facts": {"acquisition_contrast": "DIFFUSION"}, "description": "t1"}),
        ("", {"facts": T1 | {"sequence_name": "*ep_b1000t"}}),
        ("", {"facts": T1 | {"b_value": 1000.0}}),
        ("", {"facts": T1, "modality": "CT"}),
        ("", {"facts": T1, "mixed": True}),
        ("", {"facts": T1, "slices": 1, "frames": 1}),
        ("", {"facts": T1, "frames": 400}),
        ("", {"facts": T1, "body_part": "KNEE"}),
        ("t1", {"facts": T1, "body_part": "BRAIN_W_WO"}),
        ("", {"facts": T1, "image_types": ["DERIVED", "PRIMARY", "ADC"]}),
        ("", {"facts": T1, "image_types": ["ORIGINAL", "PRIMARY", "P", "ND"]}),
        ("t1", {"facts": T1, "image_types": ["DERIVED", "SECONDARY", "REFORMATTED"]}),
        ("", {"facts": T1, "sop_classes": ["1.2.840.10008.5.1.4.1.1.7"]}),
        ("", {"facts": {}}),
    ],
)
def test_headers_say_what_it_is(kind: str, given: dict[str, object]) -> None:
    assert judge(about(**given)).kind == kind


def test_of_a_study_only_what_was_taken_after_contrast_is_read() -> None:
    kinds = [judge(about(description=name)) for name in ("T1", "T2", "T1 +C", "T1 sag +C")]
    assert [verdict.kind for verdict in preferred(kinds) if verdict.worth] == ["t1c", "t1c"]
    alone = preferred(kinds[:2])
    assert [verdict.worth for verdict in alone] == [True, False]


def about(**given: object) -> About:
    known: dict[str, object] = {"modality": "MR", "slices": 20, "frames": 20}
    return About(**(known | given))  # type: ignore[arg-type]

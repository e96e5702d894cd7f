"""What technicians call their series, in the languages and abbreviations that they do it in.

Names are folded first: lower case, no accents, and one space for whatever stands between words.
"""

import re
import unicodedata
from re import Pattern

_PLANES = r"(?:ax|axi|axial|sag|cor|tra|trans|se|fse|tse|ffe|tfe|gre|e|s|d|3d|2d|wip|os|obl)?"
_WEIGHTED = rf"(?<![a-z]){_PLANES}[tт]%s(?!\d)"


# "C-" says without, "T1-C" does not.
_MINUS = re.compile(r"(?<![a-z\d])(?:c|gd|gad|km|ce|cm) ?\(?-\)?(?![a-z\d])")


def folded(name: str) -> str:
    """Return a name as the patterns here expect it."""
    decomposed = unicodedata.normalize("NFKD", name.casefold()).replace("ı", "i")
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    plain = _MINUS.sub(" native ", plain)
    return " ".join(re.sub(r"[_^.,;:()\[\]/\\|-]+", " ", plain).split())


def _any(*patterns: str) -> Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


def _words(text: str) -> str:
    """Match one of these as whole words; digits may follow."""
    return rf"(?<![^\W\d_])(?:{'|'.join(text.split())})(?![^\W\d_])"


T1 = _any(
    _WEIGHTED % "1",
    _words("mprage spgr fspgr bravo tfl3d vibe thrive lava"),
    r"mp ?rage",
)
T2 = _any(_WEIGHTED % "2", _words("pd dp pdw stir ciss fiesta drive haste rho"), "propeller t2")
FLAIR = _any("flair", "dark ?fluid", "tirm", "(?<![a-z])dafl")

# What is asked first of what a series is: the first that fits says why it is not read.
OTHERS: tuple[tuple[Pattern[str], str], ...] = (
    (
        _any(
            _words("loc locali[sz]er lokali[sz]er lokalisator localizador localizzatore scout"),
            _words("survey reperage topogram smartbrain 3plane localisation"),
            "3 plane",
            "aa ?head ?scout",
            "локалайзер",
            "定位",
        ),
        "It is a localizer.",
    ),
    (
        _any(
            _words(
                "dwi dti adc edwi trace tracew diff diffusion difusion diffusione difuzyon hardi"
            ),
            r"ep2d ?diff",
            r"(?<![a-z])ep b\d",
            r"(?<![a-z])b ?(?:500|800|1000|2000)(?!\d)",
            r"diffusion",
            "диффуз",
            "弥散",
            "انتشار",
        ),
        "It shows diffusion.",
    ),
    (
        _any(
            _words("perf perfusion perfusione pwi dsc dce asl pcasl pasl cbf cbv mtt ttp tmax"),
            "perfusion",
            "перфуз",
            "灌注",
        ),
        "It shows perfusion.",
    ),
    (
        _any(
            _words("swi swan swip venobold hemo haemo suszept susceptibility qsm medic"),
            r"t2 ?(?:\*|star)",
            "venobold",
        ),
        "It is weighted by susceptibility.",
    ),
    (
        _any(
            _words("tof mra mrv angio angiography angiographie angiografia inflow pca phlebo"),
            _words("venography cemra twist tricks"),
            "3d ?pc(?![a-z])",
            "ангио",
        ),
        "It shows vessels.",
    ),
    (
        _any(_words("mip minip mips maximum projection"), "thin ?mip"),
        "It is a projection of other slices.",
    ),
    (_any(_words("bold fmri resting rest rsfmri ep2d"), "resting ?state"), "It shows function."),
    (
        _any(_words("svs csi mrs spectro spectroscopy spektroskopie spectroscopie press steam")),
        "It is spectroscopy.",
    ),
    (
        _any(
            _words("calibration calib asset shim shimming b0map b1map fieldmap prescan refscan"),
            "field ?map",
            "ref ?scan",
            "coil ?survey",
            "sense ?ref",
            "b[01] ?map",
        ),
        "It was made to calibrate the scanner.",
    ),
    (
        _any(_words("screen screenshot screensave capture report summary key ko results result")),
        "It is a picture of a screen or a report.",
    ),
    (
        _any(_words("seg segmentation mask labels label overlay cad"), "brain ?lab"),
        "It was made of other series.",
    ),
    (
        _any(_words("sub subtraction subtracted subtr subtraktion soustraction sottrazione")),
        "It is a difference of other series.",
    ),
    (
        _any(r"t[12] ?map", _words("map maps mapping")),
        "It is a map, not a picture.",
    ),
    (
        _any(
            _words("spine cspine tspine lspine hws bws lws wirbelsaule rachis columna myelo"),
            _words("knee hip shoulder abdomen pelvis liver prostate breast cardiac"),
            "позвон",
        ),
        "It does not show the brain.",
    ),
)

NATIVE = _any(
    _words("native nativ natif nativa nativo precontrast pregd unenhanced noncontrast plain"),
    _words("without ohne sans sin senza bez без wo kontrastsiz"),
    r"(?<![a-z])pre(?! ?op)(?![a-z])",
    r"(?<![a-z])[ws] o(?![a-z])",
    r"(?<![a-z])s c(?![a-z])",
    r"non? (?:contrast|gd|gad|km|c)(?![a-z])",
    "平扫",
    "قبل",
    "بدون",
)
CONTRAST = _any(
    _words("gd gad gado gadolinium gadovist dotarem magnevist prohance multihance omniscan"),
    _words("clariscan postcontrast postgd km mdc ce cm kontrast contrast contraste contrasto pc"),
    _words("civ inj injecte enhanced kontrastli gddtpa gadoterate"),
    r"(?<![a-z])post(?! ?op)(?![a-z])",
    r"(?<![a-z])c ?\+",
    r"(?<![a-z])c c(?![a-z])",
    r"\+ ?(?:c|gd|gad|gado|km|k|g|ce|cm|mdc|contrast)(?![a-z])",
    rf"{_WEIGHTED % '1'} ?w?i? ?(?:c|ce|gd|gad|km|post(?! ?op))(?![a-z])",
    "контраст",
    "增强",
    "صبغة",
    "تباين",
)

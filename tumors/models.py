from collections.abc import Collection
from urllib.parse import quote

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator, URLValidator
from django.db import models

from tumors.content import SECTIONS, PageContent, SourceContent
from tumors.markup import Links, cited_keys

FIRST_YEAR = 1900


class TumorPage(models.Model):
    """What a student or a doctor reads about one answer of the engine.

    The slug is the engine's label with hyphens: `no_tumor` is explained at `no-tumor`.
    """

    slug = models.SlugField(unique=True)
    position = models.PositiveSmallIntegerField(help_text="Order in the list, from 1.")
    title = models.CharField(max_length=100)
    summary = models.TextField(help_text="Two or three sentences, without citations.")

    what_it_is = models.TextField("what it is")
    types_and_grades = models.TextField("types and grades")
    causes_and_risk_factors = models.TextField("causes and risk factors")
    symptoms = models.TextField("symptoms")
    diagnosis = models.TextField("diagnosis")
    treatment = models.TextField("treatment")
    outlook = models.TextField("outlook")
    when_to_seek_help = models.TextField("when to seek help")

    is_published = models.BooleanField("published", default=True)
    # Digest of the shipped text that this row was last filled with; see tumors.services.
    loaded_digest = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("position", "id")
        verbose_name = "tumour page"

    def __str__(self) -> str:
        return self.title

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        # A browser sends a textarea with CRLF: saving an untouched page is not an edit.
        for field in ("summary", *SECTIONS):
            setattr(self, field, "\n".join(getattr(self, field).splitlines()).strip())
        super().clean_fields(exclude)

    @property
    def sections(self) -> dict[str, str]:
        """Section key -> Markdown, in the order of reading."""
        return {key: getattr(self, key) for key in SECTIONS}

    @property
    def links(self) -> Links:
        return {
            source.key: (number, source.address)
            for number, source in enumerate(self.sources.all(), start=1)
        }

    def check_citations(self, keys: set[str]) -> None:
        """Raise ValidationError for a citation of a source that is not among `keys`."""
        errors = [
            f'"{SECTIONS[section]}" cites [@{key}], which is not among the sources.'
            for section, text in self.sections.items()
            for key in cited_keys(text)
            if key not in keys
        ]
        if errors:
            raise ValidationError(errors)

    def content(self) -> PageContent:
        """Return what a reader sees, in the form in which pages are shipped."""
        return PageContent(
            slug=self.slug,
            position=self.position,
            title=self.title,
            summary=self.summary,
            sections=self.sections,
            sources=tuple(source.content() for source in self.sources.all()),
        )

    @property
    def is_edited(self) -> bool:
        """True when somebody changed the text since it was loaded, or wrote it here."""
        return self.content().digest() != self.loaded_digest


class Source(models.Model):
    """A publication that a page cites as `[@key]`."""

    page = models.ForeignKey(TumorPage, on_delete=models.CASCADE, related_name="sources")
    position = models.PositiveSmallIntegerField(default=1)
    key = models.CharField(
        max_length=40,
        validators=[RegexValidator(r"^[a-z0-9-]+$", "Use lower-case letters, digits and hyphens.")],
        help_text="Cited as [@key], for example who-cns-2021.",
    )
    title = models.CharField(max_length=300)
    authors = models.CharField(max_length=300, blank=True)
    publisher = models.CharField(
        max_length=200, help_text="Journal with volume and pages, or who published it."
    )
    year = models.PositiveSmallIntegerField(validators=[MinValueValidator(FIRST_YEAR)])
    doi = models.CharField(
        "DOI",
        max_length=100,
        blank=True,
        validators=[
            RegexValidator(r"^10\.\d{4,9}/\S+$", "Write the DOI as 10.1093/neuonc/noab106.")
        ],
    )
    url = models.URLField(
        "address",
        blank=True,
        validators=[URLValidator(["https"])],
        help_text="Where there is no DOI.",
    )

    class Meta:
        ordering = ("position", "id")
        constraints = (
            models.UniqueConstraint(fields=("page", "key"), name="source_key_once_per_page"),
            models.CheckConstraint(
                condition=~models.Q(doi="", url=""),
                name="source_has_doi_or_url",
                violation_error_message="Give the DOI or an address.",
            ),
            models.CheckConstraint(
                condition=models.Q(year__gte=FIRST_YEAR), name="source_year_plausible"
            ),
        )

    def __str__(self) -> str:
        return f"{self.key}: {self.title}"

    @property
    def address(self) -> str:
        # Parentheses are legal in a DOI and would end a Markdown link.
        return f"https://doi.org/{quote(self.doi, safe='/:;')}" if self.doi else self.url

    def content(self) -> SourceContent:
        return SourceContent(
            key=self.key,
            title=self.title,
            authors=self.authors,
            publisher=self.publisher,
            year=self.year,
            doi=self.doi,
            url=self.url,
        )

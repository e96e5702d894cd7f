from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.template.loader import render_to_string

from tumors.content import SECTIONS
from tumors.markup import to_html
from tumors.models import Source, TumorPage
from tumors.services import restore_pages


class SourceFormSet(BaseInlineFormSet):
    """Sources are checked together with the text that cites them."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = (form.cleaned_data for form in self.forms if form not in self.deleted_forms)
        self.instance.check_citations({data["key"] for data in kept if data})


class SourceInline(admin.TabularInline):
    model = Source
    formset = SourceFormSet
    extra = 0
    formfield_overrides = {
        models.CharField: {"widget": forms.TextInput(attrs={"size": 24})},
        models.URLField: {"widget": forms.URLInput(attrs={"size": 24}), "assume_scheme": "https"},
    }


@admin.register(TumorPage)
class TumorPageAdmin(admin.ModelAdmin):
    list_display = ("title", "slug", "position", "is_published", "text_as_shipped", "updated_at")
    list_filter = ("is_published",)
    search_fields = ("title", "slug", "summary", *SECTIONS)
    inlines = (SourceInline,)
    actions = ("restore_shipped_text",)
    readonly_fields = ("preview", "created_at", "updated_at")
    save_on_top = True
    formfield_overrides = {
        models.TextField: {"widget": forms.Textarea(attrs={"rows": 14, "cols": 110})}
    }
    fieldsets = (
        (None, {"fields": ("title", "slug", "position", "is_published", "summary")}),
        (
            "Sections",
            {
                "fields": tuple(SECTIONS),
                "description": (
                    "Paragraphs, bullets (a line that begins with '- '), **bold**. Cite a source "
                    "as [@key]. An edited page is no longer refreshed by new versions of Falx."
                ),
            },
        ),
        ("Preview of the saved page", {"fields": ("preview",), "classes": ("collapse",)}),
        ("Dates", {"fields": ("created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[TumorPage]:
        return super().get_queryset(request).prefetch_related("sources")

    def get_readonly_fields(self, request: HttpRequest, obj: TumorPage | None = None) -> Any:
        # The app and the engine's labels point at the slug.
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    @admin.display(boolean=True, description="text as shipped")
    def text_as_shipped(self, page: TumorPage) -> bool:
        return not page.is_edited

    @admin.display(description="")
    def preview(self, page: TumorPage) -> str:
        if page.pk is None:
            return "Save the page first."
        links = page.links
        sections = [(SECTIONS[key], to_html(text, links)) for key, text in page.sections.items()]
        return render_to_string("tumors/preview.html", {"page": page, "sections": sections})

    @admin.action(description="Put the shipped text back (edits are lost)")
    def restore_shipped_text(self, request: HttpRequest, pages: QuerySet[TumorPage]) -> None:
        wanted = set(pages.values_list("slug", flat=True))
        restored = restore_pages(slugs=wanted)
        if restored:
            self.message_user(request, f"Restored: {', '.join(restored)}.", messages.SUCCESS)
        if without := sorted(wanted.difference(restored)):
            self.message_user(
                request, f"There is no shipped text for: {', '.join(without)}.", messages.WARNING
            )

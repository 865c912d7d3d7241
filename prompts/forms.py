"""Forms of the prompt pages; what they accept is decided by the operations."""

from __future__ import annotations

from typing import Any

from django import forms

from orchestrator_site.lib.errors import Problems, UserError
from prompts.dialects import MAX_FILE
from prompts.operations.library import Text

_CODE = {"rows": 12, "class": "mono", "spellcheck": "true"}


class TextForm(forms.Form):
    """The two texts and how the model is called."""

    system = forms.CharField(
        label="System text",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={**_CODE, "rows": 8}),
        help_text="What the model is and how it works. The author's words only: keep values out of it.",
    )
    user_template = forms.CharField(
        label="User text",
        strip=False,
        widget=forms.Textarea(attrs=_CODE),
        help_text="Liquid: <code>{{ name }}</code> asks for a value. Fence it off with tags of your own, so that the "
        "model can tell it from your words.",
    )
    model = forms.CharField(required=False, help_text="Empty: the model of the connection or of the step.")
    temperature = forms.FloatField(required=False, help_text="0 to 2. Leave it empty for models that take none.")
    max_tokens = forms.IntegerField(label="Longest answer", required=False, help_text="In tokens.")

    @property
    def text(self) -> Text:
        """What was typed, line ends as Unix writes them."""
        values = self.cleaned_data
        return Text(
            user_template=values["user_template"].replace("\r\n", "\n"),
            system=values["system"].replace("\r\n", "\n"),
            model=values["model"],
            temperature=values["temperature"],
            max_tokens=values["max_tokens"],
        )


class NewPromptForm(TextForm):
    """A new prompt."""

    name = forms.CharField(max_length=120)
    slug = forms.CharField(label="Key", required=False, help_text="Steps name it by this. Empty: made from the name.")
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    field_order = ("name", "slug", "description")


class VersionForm(TextForm):
    """A new version of a prompt."""

    note = forms.CharField(label="What changed", required=False, max_length=200)
    make_live = forms.BooleanField(label="Use it at once (label live)", required=False)
    base = forms.IntegerField(widget=forms.HiddenInput, required=False)


class ImportForm(forms.Form):
    """A file, or its text."""

    file = forms.FileField(required=False, help_text="JSON: ours, the original's templates, or its prompts.json.")
    text = forms.CharField(label="Or paste it", required=False, strip=False, widget=forms.Textarea(attrs=_CODE))
    overwrite = forms.BooleanField(label="Save as a new live version where the key is taken", required=False)

    @property
    def content(self) -> bytes | str:
        """What was given; the file wins."""
        upload = self.cleaned_data.get("file")
        return bytes(upload.read(MAX_FILE + 1)) if upload else str(self.cleaned_data["text"])


class ValuesForm(forms.Form):
    """One field for each value of a prompt."""

    prefix = "value"

    def __init__(self, names: list[str], needed: list[str], data: Any = None) -> None:
        super().__init__(data)
        for number, name in enumerate(names):
            self.fields[f"v{number}"] = forms.CharField(
                label=name,
                required=name in needed,
                strip=False,
                widget=forms.Textarea(attrs={"rows": 4}),
                error_messages={"required": f"The prompt needs a value for “{name}”."},
            )
        self.names = names

    @property
    def values(self) -> dict[str, Any]:
        """What was typed, by name; an empty field is no value."""
        found = {name: self.cleaned_data[f"v{number}"] for number, name in enumerate(self.names)}
        return {name: text.replace("\r\n", "\n") for name, text in found.items() if text}


def add_problem(form: forms.Form, problem: UserError) -> None:
    """Put an error where it belongs: at its field, or above the form."""
    parts = problem.problems if isinstance(problem, Problems) else [problem]
    for part in parts:
        shown = part.as_dict() if isinstance(part, UserError) else dict(part)
        field = str(shown.get("field") or "")
        if isinstance(form, ValuesForm) and field.removeprefix("values.") in form.names:
            field = f"v{form.names.index(field.removeprefix('values.'))}"
        text = " ".join(str(words) for words in (shown.get("message"), shown.get("hint")) if words)
        form.add_error(field if field in form.fields else None, text)

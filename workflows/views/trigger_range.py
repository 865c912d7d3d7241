"""The form of a backfill: a range of days in the schedule's zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django import forms

from orchestrator_site.lib.clock import now


class RangeForm(forms.Form):
    """From a day to a day, both of them whole (today up to now)."""

    first = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label="To", widget=forms.DateInput(attrs={"type": "date"}))

    def moments(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The range, in UTC."""
        start = datetime.combine(self.cleaned_data["first"], time(), tzinfo=zone).astimezone(UTC)
        following = self.cleaned_data["last"] + timedelta(days=1)
        end = datetime.combine(following, time(), tzinfo=zone).astimezone(UTC) - timedelta(seconds=1)
        return start, min(end, now()) if start <= now() else end

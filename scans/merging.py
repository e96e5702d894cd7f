"""How studies that stand in both files of one patient become one."""

from django.utils import timezone

from patients.merge import Mover, resolves
from scans.models import Instance, Scan, Series, Study


@resolves("scans.Study")
def join_study(mover: Mover, study: Study) -> None:
    """Move what is in the absorbed patient's study to the kept patient's study of the same UID."""
    kept = Study.objects.get(patient=mover.kept, uid=study.uid)
    for series in study.series.all():
        same = kept.series.filter(uid=series.uid).first()
        if same is None:
            mover.point(Series.objects.filter(pk=series.pk), "study", kept)
        else:
            mover.point(Scan.objects.filter(series=series), "series", same)
            join_series(mover, series, same)


def join_series(mover: Mover, series: Series, kept: Series) -> None:
    """Move the instances that the kept series lacks; of what is in both, the kept one stays."""
    there = kept.instances.values("uid")
    lacking = Instance.objects.filter(series=series).exclude(uid__in=there)
    if lacking.exists():
        mover.point(lacking, "series", kept)
        mover.change(kept, received_at=timezone.now(), settled_at=None)  # the sweep looks anew

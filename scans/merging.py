"""How studies that stand in both files of one patient become one."""

from patients.merge import Mover, resolves
from scans.models import Scan, Series, Study


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

from django.urls import path

from dicom.api import inbox

urlpatterns = [
    path("inbox", inbox.InboxView.as_view(), name="inbox"),
    path("inbox/<uuid:key>", inbox.InboxGroupView.as_view(), name="inbox-group"),
    path(
        "inbox/<uuid:key>/thumbnail.png",
        inbox.InboxThumbnailView.as_view(),
        name="inbox-thumbnail",
    ),
    path("inbox/<uuid:key>/assign", inbox.InboxAssignView.as_view(), name="inbox-assign"),
    path("inbox/<uuid:key>/discard", inbox.InboxDiscardView.as_view(), name="inbox-discard"),
]

from django.urls import path

from dicom.api import peers

urlpatterns = [
    path("peers", peers.PeersView.as_view(), name="peers"),
    path("peers/<uuid:peer_id>", peers.PeerView.as_view(), name="peer"),
    path("peers/<uuid:peer_id>/echo", peers.PeerEchoView.as_view(), name="peer-echo"),
    path("peers/<uuid:peer_id>/studies", peers.PeerStudiesView.as_view(), name="peer-studies"),
    path(
        "patients/<uuid:patient_id>/retrievals",
        peers.PatientRetrievalsView.as_view(),
        name="retrievals",
    ),
    path("retrievals/<uuid:retrieval_id>", peers.RetrievalView.as_view(), name="retrieval"),
]

from django.urls import path

from dicom.deliveries.api import views

urlpatterns = [
    path(
        "series/<uuid:series_id>/deliveries",
        views.SeriesDeliveriesView.as_view(),
        name="series-deliveries",
    ),
    path(
        "deliveries/<uuid:delivery_id>/retry",
        views.RetryDeliveryView.as_view(),
        name="delivery-retry",
    ),
]

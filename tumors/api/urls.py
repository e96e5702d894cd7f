from django.urls import path

from tumors.api.views import TumorPageListView, TumorPageView

urlpatterns = [
    path("tumors", TumorPageListView.as_view(), name="tumor-list"),
    path("tumors/<slug:slug>", TumorPageView.as_view(), name="tumor-detail"),
]

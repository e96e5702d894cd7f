from django.urls import path

from accounts.systems import views

urlpatterns = [path("token", views.token, name="oauth-token")]

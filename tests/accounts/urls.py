"""The addresses of the product, and one that the permission table does not know."""

from django.http import HttpResponse
from django.urls import path

from orchestrator_site.urls import urlpatterns as real

urlpatterns = [*real, path("unlisted/", lambda request: HttpResponse("secret"), name="unlisted")]

"""The worker's pages, gathered into one router."""

from fastapi import APIRouter

router = APIRouter()

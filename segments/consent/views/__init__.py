"""The doors of consent: pages for strangers and pages of the dashboard."""

"""Search volumes, from Google Ads."""

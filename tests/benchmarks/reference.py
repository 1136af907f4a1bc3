"""The reference load: 338 keywords in 5 regions and 3 content types, three result pages, all seven phases."""

from typing import Any

KEYWORDS, REGIONS = 338, ("US", "GB", "DE", "SA", "VN")
#: Calls at once, as plans have them; (service, provider) -> limit.
AT_ONCE = {
    ("serp", "scale_serp"): 20,
    ("keywords", "google_ads"): 1,
    ("enrichment", "cognism"): 10,
    ("media", "youtube"): 20,
    ("pages", "scrapingbee"): 5,
    ("llm", "openai"): 50,
}
#: The same, as the services are told.
ENVIRONMENT = {
    f"LANDSCAPE_PROVIDERS__{service.upper()}__CONCURRENCY": str(limit)
    for (service, _), limit in AT_ONCE.items()
}
#: The same, as the simulator is told.
LIMITS = {provider: {"concurrency": limit} for (_, provider), limit in AT_ONCE.items()}
BODY: dict[str, Any] = {
    "keywords": [f"keyword {n}" for n in range(KEYWORDS)],
    "regions": REGIONS,
    "company": {"name": "Northwind", "domains": ["northwind.com"]},
    "competitors": [{"name": "Contoso", "domains": ["contoso.com"]}],
    "config": {"serp": {"pages": {"organic": 3, "news": 3, "video": 3}}},
}

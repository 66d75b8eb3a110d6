"""From a campaign's folder to a report that one can act on: `report.html`, `report.json`, `results.parquet`."""

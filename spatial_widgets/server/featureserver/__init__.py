"""Large results as layers of a feature service: kept as GeoParquet, handed out page by page, read only."""

"""Run ArcGIS geoprocessing jobs from a notebook."""
__version__ = "0.1.0"

"""What the analyses share: geodesic geometry, cells, neighbours, statistics. Knows no service and no job."""

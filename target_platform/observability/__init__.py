"""How the platform is looked at: objectives, and the Grafana dashboards in dashboards/, generated from the topology."""

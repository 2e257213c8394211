resource "google_compute_network" "fivewhys" {
  project                 = var.project_id
  name                    = "fivewhys"
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "fivewhys" {
  project       = var.project_id
  region        = var.region
  name          = "fivewhys"
  network       = google_compute_network.fivewhys.id
  ip_cidr_range = "10.20.0.0/26"
  # Pub/Sub, Logging and Secret Manager are reached without leaving Google's network.
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# Nothing comes in; what runs there listens to nobody.
resource "google_compute_firewall" "nothing_in" {
  project       = var.project_id
  name          = "fivewhys-nothing-in"
  network       = google_compute_network.fivewhys.id
  direction     = "INGRESS"
  source_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }
}

# The range from which Cloud SQL takes the database's address.
resource "google_compute_global_address" "services" {
  project       = var.project_id
  name          = "fivewhys-services"
  network       = google_compute_network.fivewhys.id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
}

resource "google_service_networking_connection" "fivewhys" {
  network                 = google_compute_network.fivewhys.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services.name]
}

# One address outside, which an organisation's list of allowed addresses in GitHub can name.
resource "google_compute_address" "outside" {
  project = var.project_id
  region  = var.region
  name    = "fivewhys-outside"
}

resource "google_compute_router" "fivewhys" {
  project = var.project_id
  region  = var.region
  name    = "fivewhys"
  network = google_compute_network.fivewhys.id
}

resource "google_compute_router_nat" "fivewhys" {
  project                            = var.project_id
  region                             = var.region
  name                               = "fivewhys"
  router                             = google_compute_router.fivewhys.name
  nat_ip_allocate_option             = "MANUAL_ONLY"
  nat_ips                            = [google_compute_address.outside.self_link]
  source_subnetwork_ip_ranges_to_nat = "LIST_OF_SUBNETWORKS"

  subnetwork {
    name                    = google_compute_subnetwork.fivewhys.id
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}

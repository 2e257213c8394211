"""Rules that still lack entries for a wording, or a reference with a version, by their area.

It may only shrink: a test fails when a rule in it lacks nothing.
"""

WORDINGS: dict[str, str] = {
    "identity": """
        account_disabled
        credential_logged
        credentials_missing
        grant_refused
        iam_denied
        login_refused
        oauth_misconfigured
        token_expired
        token_refused
    """,
    "runtime": """
        go_panic
        memory_exhausted
        node_module_missing
        node_uncaught
        spring_bean_failed
    """,
    "network": """
        certificate_expires
        circuit_open
        connect_timeout
        name_lookup_failed
        name_unknown
        proxy_failed
        retries_exhausted
        tls_failed
        vpc_connector_failed
    """,
}
SOURCES: dict[str, str] = {
    "identity": """
        api_disabled
        caller_refused
        callers_refused
        logins_refused
    """,
    "runtime": """
        spring_bean_failed
    """,
    "network": """
        certificate_expires
        egress_failed
        name_service_down
        nat_dropped
        nat_ports_exhausted
        vpc_connector_failed
    """,
}

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
    "startup": """
        sdk_missing
        server_start_failed
        startup_exception
        startup_impact_stated
        variable_with_white_space
    """,
    "websocket": """
        session_broken
        session_factory_missing
        websocket_misused
        websocket_rejected
    """,
    "quota": """
        allocation_refused
        billing_stopped
        credit_exhausted
        quota_exceeded
        rate_limited
    """,
    "quality": """
        capacity_used
    """,
    "novelty": """
        unknown_pattern
    """,
    "database": """
        cloud_sql_connection_failed
        connection_leak
        connection_refused
        constraint_violation
        database_chatter
        database_crashed
        database_error_logged
        database_exhausted
        database_stopped
        database_timeout
        deadlock
        disk_full
        permission_denied
        pool_exhausted
        prepared_statement_lost
        read_only_database
        replica_behind
        replica_conflict
        serialization_failure
        too_many_clients
    """,
    "schema": """
        already_exists
        migration_failed
        migration_skipped
        migrations_pending
        relation_missing
        schema_error
    """,
    "redis": """
        redis_clients_full
        redis_denied
        redis_full
        redis_refuses_writes
        redis_timeout
        redis_unreachable
    """,
    "celery": """
        celery_worker_lost
        task_discarded
        task_retries_exhausted
    """,
    "server": """
        address_in_use
        client_gone
        files_exhausted
        unhandled_exception
        visitor_refused
        worker_crashed
        worker_killed
    """,
    "imports": """
        import_missing_name
        library_missing
        module_attribute_missing
        module_not_found
    """,
    "code": """
        client_not_closed
        coroutine_misused
        event_loop_misused
        name_undefined
    """,
    "config": """
        environment_mixed
        header_malformed
        secret_denied
        settings_invalid
        signature_mismatch
        url_malformed
    """,
    "requests": """
        upstream_failed
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
    "startup": """
        sdk_missing
        startup_exception
        variable_with_white_space
    """,
    "websocket": """
        websockets_misused
    """,
    "quota": """
        allocation_refused
        billing_stopped
        budget_exceeded
        credit_exhausted
        quota_exhausted
    """,
    "database": """
        constraint_violation
        constraint_violations
        deadlock
        serialization_failure
    """,
    "schema": """
        migration_skipped
        migrations_completed
        relation_missing
        schema_error
    """,
    "server": """
        files_exhausted
        worker_killed
        worker_timeout
    """,
    "imports": """
        circular_import
        import_missing_name
        library_missing
        module_not_found
    """,
    "code": """
        clients_not_closed
        coroutine_never_awaited
        name_undefined
    """,
    "config": """
        environment_mixed
        secret_denied
    """,
    "requests": """
        request_out_of_memory
        upstream_failed
    """,
}

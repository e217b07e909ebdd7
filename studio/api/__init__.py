"""The base of all API endpoints: views, fields, parsers, errors, paging and the OpenAPI document."""

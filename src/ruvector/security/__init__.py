"""Who may do this? Keys and tokens become callers, callers have grants, and every request is
judged by them. Knows no transport, and opens nothing.
"""

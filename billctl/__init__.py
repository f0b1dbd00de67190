"""Billing operations over every payment gateway, from a terminal."""

VERSION = "0.5.0"

"""Lanes on other machines: how their agents are reached, and what is put in place before tests run there."""

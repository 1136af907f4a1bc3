"""Texts of web pages, from ScrapingBee."""

"""The demo shop Alder & Wren, the one command that shows the product working, and the mail catcher with its inbox."""

"""The frame around every page: components, navigation, list toolkit and design tokens."""

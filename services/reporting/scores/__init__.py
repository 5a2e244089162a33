"""Points of the QĐ 766 index as the national portal publishes them, recorded by a person with source and date."""

"""The admin API: ``/api/v1``, and the job API of SAP Identity Provisioning. Routes, and the ports behind them."""
